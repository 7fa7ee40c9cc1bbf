"""Statistics of splits of tf.Examples: a map over shards and a merge, by TFDV's own generators."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import tensorflow_data_validation as tfdv
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_data_validation.statistics.generators.top_k_uniques_sketch_stats_generator import (
    TopKUniquesSketchStatsGenerator,
)
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from taxiway.arrow.examples.reading import record_batches
from taxiway.errors import ConfigError
from taxiway.workers import active
from taxiway.workers.job import Shard

STEP: Final = "StatisticsGen"
COUNTED: Final = 1 << 14
HASHED: Final = 1 << 16
BEAM_ONLY: Final = (
    "experimental_slice_functions",
    "experimental_slice_sqls",
    "slicing_config",
    "label_feature",
    "sample_rate",
    "experimental_filter_read_paths",
)
"""Options of TFDV that only its Beam pipeline knows; slices by SQL are gone since 1.17."""


def compute(splits: Mapping[str, Sequence[Shard]], options_json: str) -> dict[str, bytes]:
    """Statistics of each split, as a serialized DatasetFeatureStatisticsList.

    They are those of TFDV's Beam pipeline, with one difference: where a string column has very
    many distinct values, as a column of keys does, memory stays bounded and two numbers become
    estimates, by TFDV's own sketches. Counts of top values are exact up to COUNTED distinct ones
    and beyond that at most `rows / COUNTED` too high (Misra and Gries, "Finding repeated elements",
    1982); the number of distinct values is exact up to HASHED and has beyond that a relative
    standard error of `1 / sqrt(HASHED - 2)`, 0.4 % (Beyer et al., "On synopses for distinct-value
    estimation under multiset operations", SIGMOD 2007). Of such a column COUNTED values are
    in memory, however long they are.

    Args:
      splits: shards of each split.
      options_json: of a tfdv.StatsOptions.

    Raises:
      ConfigError: an option that only Beam knows.
      DataError: a shard cannot be read.
    """
    check_options(options_json)
    named = [(name, shard) for name, shards in splits.items() for shard in shards]
    result = active.run(
        functools.partial(accumulate, options_json),
        [shard for _, shard in named],
        functools.partial(merge, options_json, [name for name, _ in named]),
        STEP,
    )
    found: dict[str, bytes] = pickle.loads(result)  # noqa: S301  # written by `merge`
    return found


def check_options(options_json: str) -> None:
    """Refuses options that only Beam knows; raises ConfigError."""
    options = tfdv.StatsOptions.from_json(options_json)
    asked = [name for name in BEAM_ONLY if getattr(options, name, None)]
    if asked:
        raise ConfigError(
            f"StatisticsGen: the arrow engine does not know {', '.join(asked)} of StatsOptions: "
            "use engine: beam for StatisticsGen",
            edit="engine.components.StatisticsGen, or StatisticsGen in pipelines/training.py",
        )


def accumulate(options_json: str, shard: Shard) -> bytes:
    """What every generator makes of a shard, pickled."""
    options, generators = _generators(options_json)
    accumulated = [generator.create_accumulator() for generator in generators]
    for batch in record_batches(shard):
        rows = (
            stats_impl._filter_features(batch, options.feature_allowlist)
            if (options.feature_allowlist)
            else batch
        )
        accumulated = [
            generator.add_input(before, rows)
            for generator, before in zip(generators, accumulated, strict=True)
        ]
    return pickle.dumps(accumulated)


def merge(options_json: str, names: Sequence[str], parts: Iterable[bytes]) -> bytes:
    """Merges what shards gave, by split; `names` says which split each part is of."""
    _, generators = _generators(options_json)
    by_split: dict[str, list[Any]] = {}
    for name, part in zip(names, parts, strict=True):
        found = pickle.loads(part)  # noqa: S301  # written by `accumulate`
        before = by_split.get(name)
        by_split[name] = (
            found
            if before is None
            else [
                generator.merge_accumulators(both)
                for generator, *both in zip(generators, before, found, strict=True)
            ]
        )
    statistics = {
        name: stats_impl.extract_statistics_output(found, generators)
        for name, found in by_split.items()
    }
    return pickle.dumps({name: _nameless(proto) for name, proto in statistics.items()})


def _nameless(statistics: Any) -> bytes:
    """Without names of data sets, as Beam writes them: they would be slices."""
    named = statistics_pb2.DatasetFeatureStatisticsList()
    named.CopyFrom(statistics)
    for dataset in named.datasets:
        dataset.name = ""
    serialized: bytes = named.SerializeToString()
    return serialized


@functools.lru_cache(maxsize=1)
def _generators(options_json: str) -> tuple[Any, list[Any]]:
    options = tfdv.StatsOptions.from_json(options_json)
    generators = [
        _Uniques(options) if isinstance(generator, TopKUniquesSketchStatsGenerator) else generator
        for generator in stats_impl.get_generators(options, in_memory=True)
    ]
    for generator in generators:
        generator.setup()
    return options, generators


class _Uniques(TopKUniquesSketchStatsGenerator):  # type: ignore[misc]  # TFDV ships no types
    """TFDV's generator by sketches, which counts the strings that its generator on Beam counts.

    By itself it counts all above a kilobyte as one, and none that the schema calls not categorical;
    TFDV's users ask for that by `use_sketch_based_topk_uniques`.
    """

    def __init__(self, options: Any) -> None:
        super().__init__(
            schema=options.schema,
            example_weight_map=options.example_weight_map,
            num_top_values=options.num_top_values,
            num_rank_histogram_buckets=options.num_rank_histogram_buckets,
            frequency_threshold=options.frequency_threshold,
            weighted_frequency_threshold=options.weighted_frequency_threshold,
            num_misragries_buckets=max(COUNTED, options.num_rank_histogram_buckets),
            num_kmv_buckets=HASHED,
        )
        if not options.use_sketch_based_topk_uniques:
            self._byte_feature_is_categorical_values = _AllCategorical()


class _AllCategorical(dict[Any, Any]):
    """Of every string feature, that the schema calls it categorical."""

    def get(self, *_: Any) -> Any:
        """Called with the feature's path."""
        return schema_pb2.StringDomain.CATEGORICAL_YES
