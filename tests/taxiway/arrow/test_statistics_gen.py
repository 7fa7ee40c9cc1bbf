"""StatisticsGen: the arrow engine finds what TFDV's Beam pipeline finds."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taxiway.errors import ConfigError
from tests.taxiway.arrow.conftest import SHARDS, Awkward, run, write

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("statistics_gen")]
Statistics = dict[str, Any]


def options(**given: Any) -> str:
    import tensorflow_data_validation as tfdv

    as_json: str = tfdv.StatsOptions(**given).to_json()
    return as_json


def schema() -> Any:
    """What a schema says of features decides which of them are counted."""
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    return text_format.Parse(
        """
        feature { name: "text" type: BYTES string_domain { is_categorical: CATEGORICAL_NO } }
        feature { name: "many" type: BYTES string_domain { is_categorical: CATEGORICAL_YES } }
        feature { name: "label" type: INT int_domain { is_categorical: true } }
        """,
        schema_pb2.Schema(),
    )


OPTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "as wired": lambda: {"exclude_splits": "[]"},
    "weighted": lambda: {"stats_options_json": options(weight_feature="weight")},
    "with a schema": lambda: {"stats_options_json": options(schema=schema())},
    "by sketches, as TFDV has them": lambda: {
        "stats_options_json": options(schema=schema(), use_sketch_based_topk_uniques=True)
    },
    "some features": lambda: {
        "stats_options_json": options(feature_allowlist=["number", "text"]),
        "exclude_splits": json.dumps(["eval"]),
    },
}


@pytest.fixture(scope="module", params=list(OPTIONS))
def both(
    request: pytest.FixtureRequest, awkward: Awkward, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Any]:
    """The artifacts of both engines."""
    from tfx.components.statistics_gen.executor import Executor as Stock
    from tfx.types.standard_artifacts import ExampleStatistics

    from taxiway.arrow.statistics_gen.executor import Executor

    artifacts = [
        run(
            executor,
            tmp_path_factory.mktemp("statistics"),
            {"examples": [awkward.examples]},
            {"statistics": ExampleStatistics},
            OPTIONS[request.param](),
        )["statistics"]
        for executor in (Executor, Stock)
    ]
    return artifacts[0], artifacts[1]


def read(artifact: Any, split: str) -> Any:
    import tensorflow_data_validation as tfdv

    return tfdv.load_stats_binary(f"{artifact.uri}/Split-{split}/FeatureStats.pb").datasets[0]


def features(dataset: Any) -> Statistics:
    return {feature.path.step[0]: feature for feature in dataset.features}


def same(ours: Any, stock: Any) -> None:
    """All of a feature; values of equal frequency may come in any order."""
    for side in (ours, stock):
        for values in (side.string_stats.top_values, side.string_stats.rank_histogram.buckets):
            ordered = sorted(values, key=str)
            del values[:]
            for rank, value in enumerate(ordered):
                for field in ("low_rank", "high_rank"):
                    if hasattr(value, field):
                        setattr(value, field, rank)
                values.append(value)
        for weighted in (side.string_stats.weighted_string_stats,):
            ordered = sorted(weighted.top_values, key=str)
            del weighted.top_values[:]
            weighted.top_values.extend(ordered)
            weighted.ClearField("rank_histogram")
    from google.protobuf import json_format

    near(json_format.MessageToDict(ours), json_format.MessageToDict(stock))


def near(ours: Any, stock: Any) -> None:
    """Equal, but for the last digits of floats."""
    if isinstance(stock, dict):
        assert ours.keys() == stock.keys()
        for key in stock:
            near(ours[key], stock[key])
    elif isinstance(stock, list):
        assert len(ours) == len(stock)
        for a, b in zip(ours, stock, strict=True):
            near(a, b)
    elif isinstance(stock, float):
        assert ours == pytest.approx(stock, rel=1e-6, abs=1e-6)
    else:
        assert ours == stock


def test_both_engines_find_the_same(both: tuple[Any, Any]) -> None:
    from tfx.types import artifact_utils

    ours, stock = both
    splits = artifact_utils.decode_split_names(stock.split_names)
    assert artifact_utils.decode_split_names(ours.split_names) == splits
    for split in splits:
        mine, theirs = read(ours, split), read(stock, split)
        assert mine.num_examples == theirs.num_examples == sum(SHARDS[split])
        assert mine.weighted_num_examples == pytest.approx(theirs.weighted_num_examples)
        assert mine.name == theirs.name
        assert sorted(features(mine)) == sorted(features(theirs))
        for name, feature in features(mine).items():
            same(feature, features(theirs)[name])


def test_both_artifacts_say_the_same_of_themselves(both: tuple[Any, Any]) -> None:
    def said(artifact: Any) -> Any:
        properties = artifact.mlmd_artifact.custom_properties
        return {name: str(value) for name, value in properties.items() if "link" not in name}

    ours, stock = both
    assert said(ours) == said(stock)
    assert set(ours.mlmd_artifact.custom_properties) == set(stock.mlmd_artifact.custom_properties)
    assert ours.span == stock.span


def test_statistics_do_not_depend_on_how_rows_are_dealt_to_files(tmp_path: Path) -> None:
    import tensorflow_data_validation as tfdv

    from taxiway.arrow.statistics_gen.logic import compute
    from taxiway.workers.job import Shard

    rows = [{"text": [f"word {row % 7}".encode()], "number": [float(row)]} for row in range(90)]
    paths = [tmp_path / name for name in ("whole.gz", "one.gz", "rest.gz")]
    for path, part in zip(paths, (rows, rows[:1], rows[1:]), strict=True):
        write(path, [dict(row) for row in part])
    whole, *parts = (Shard(str(path)) for path in paths)
    found = compute({"whole": [whole], "parts": parts}, tfdv.StatsOptions().to_json())
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

    as_protos = [DatasetFeatureStatisticsList.FromString(found[n]) for n in ("whole", "parts")]
    first, second = (features(proto.datasets[0]) for proto in as_protos)
    for name, feature in first.items():
        same(feature, second[name])


@pytest.mark.parametrize(
    "asked",
    [{"sample_rate": 0.5}, {"label_feature": "label"}, {"experimental_filter_read_paths": True}],
)
def test_an_option_that_only_beam_knows_is_refused_by_name(asked: dict[str, Any]) -> None:
    from taxiway.arrow.statistics_gen.logic import check_options

    with pytest.raises(ConfigError, match=f"{next(iter(asked))}.*use engine: beam") as error:
        check_options(options(**asked))
    assert "engine.components.StatisticsGen" in error.value.edit


def test_a_file_that_is_no_tfrecord_is_named(tmp_path: Path) -> None:
    import tensorflow_data_validation as tfdv

    from taxiway.arrow.statistics_gen.logic import compute
    from taxiway.errors import DataError
    from taxiway.workers.job import Shard

    path = tmp_path / "broken"
    path.write_bytes(b"not a TFRecord at all")
    with pytest.raises(DataError, match=str(path)):
        compute({"train": [Shard(str(path))]}, tfdv.StatsOptions().to_json())


def test_rows_that_are_not_as_many_as_were_written_are_refused(
    awkward: Awkward, tmp_path: Path
) -> None:
    from tfx.types.standard_artifacts import ExampleStatistics

    from taxiway.arrow.statistics_gen.executor import Executor
    from taxiway.errors import DataError

    examples = copy.deepcopy(awkward.examples)
    examples.set_int_custom_property("rows_train", 123_456)
    with pytest.raises(DataError) as refused:
        run(
            Executor,
            tmp_path,
            {"examples": [examples]},
            {"statistics": ExampleStatistics},
            OPTIONS["as wired"](),
        )
    assert re.fullmatch(
        rf"[1-9]\d* rows of the train split of {examples.uri} could be read, and 123,456 were "
        "written",
        refused.value.message,
    )
    assert refused.value.edit == (
        f"nothing: remove {examples.uri}, and the next run makes it again"
    )
