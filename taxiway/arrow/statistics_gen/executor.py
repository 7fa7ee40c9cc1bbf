"""StatisticsGen's arrow executor: the stock component's spec and artifacts, without Beam."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.components.statistics_gen import executor
from tfx.components.util import examples_utils, tfxio_utils
from tfx.dsl.components.base import base_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import io_utils, json_utils

from taxiway.arrow.examples.counts import check_rows
from taxiway.arrow.examples.reading import shards_of
from taxiway.arrow.statistics_gen.logic import compute
from taxiway.errors import ConfigError


class Executor(base_executor.BaseExecutor):  # type: ignore[misc]  # TFX ships no types
    """Reads every split in one job."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See the stock executor; writes `FeatureStats.pb` for each split.

        Raises:
          ConfigError: something that only the stock executor can do.
          DataError: examples cannot be read, there are none, or fewer or more than were written.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict[specs.EXAMPLES_KEY])
        _check(examples, exec_properties)
        excluded = json_utils.loads(exec_properties.get(specs.EXCLUDE_SPLITS_KEY) or "null") or []
        splits = [
            name
            for name in artifact_utils.decode_split_names(examples.split_names)
            if name not in excluded
        ]
        statistics = artifact_utils.get_single_instance(output_dict[specs.STATISTICS_KEY])
        _describe(statistics, examples, splits)
        found = compute(
            {name: shards_of([artifact_utils.get_split_uri([examples], name)]) for name in splits},
            _options_json(input_dict, exec_properties),
        )
        for name, serialized in found.items():
            check_rows(examples, name, rows_in(serialized))
            uri = artifact_utils.get_split_uri([statistics], name)
            tf.io.gfile.makedirs(uri)
            with tf.io.gfile.GFile(f"{uri}/{executor.DEFAULT_FILE_NAME}", "wb") as file:
                file.write(serialized)


def rows_in(serialized: bytes) -> int:
    """How many rows the statistics of a split are of; these do not know samples, see `_check`."""
    statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(serialized)
    return sum(dataset.num_examples for dataset in statistics.datasets[:1])


def _check(examples: Any, properties: dict[str, Any]) -> None:
    unknown = {
        "a sharded output": properties.get(specs.SHARDED_STATS_OUTPUT_KEY),
        "sample rates by split": json_utils.loads(
            properties.get(specs.SAMPLE_RATE_BY_SPLIT_KEY) or "null"
        ),
        "custom split patterns": examples.has_custom_property(
            examples_utils.CUSTOM_SPLIT_PATTERN_PROPERTY_NAME
        ),
    }
    payload, _ = tfxio_utils.resolve_payload_format_and_data_view_uri([examples])
    if payload != example_gen_pb2.FORMAT_TF_EXAMPLE:
        unknown[example_gen_pb2.PayloadFormat.Name(payload)] = True
    asked = [name for name, value in unknown.items() if value]
    if asked:
        raise ConfigError(
            f"StatisticsGen: the arrow engine does not know {' and '.join(asked)}: "
            "use engine: beam for StatisticsGen",
            edit="engine.components.StatisticsGen, or StatisticsGen in pipelines/training.py",
        )


def _options_json(input_dict: dict[str, list[Any]], properties: dict[str, Any]) -> str:
    given = properties.get(specs.STATS_OPTIONS_JSON_KEY)
    options = tfdv.StatsOptions.from_json(given) if given else tfdv.StatsOptions()
    if input_dict.get(specs.SCHEMA_KEY):
        if options.schema:
            raise ConfigError(
                "StatisticsGen: a schema is given both as an input and in stats_options",
                edit="StatisticsGen in pipelines/training.py",
            )
        uri = artifact_utils.get_single_uri(input_dict[specs.SCHEMA_KEY])
        options.schema = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(uri))
    as_json: str = options.to_json()
    return as_json


def _describe(statistics: Any, examples: Any, splits: list[str]) -> None:
    """The properties that the stock executor sets."""
    statistics.split_names = artifact_utils.encode_split_names(splits)
    statistics.span = examples.span
    statistics.set_string_custom_property(
        executor.STATS_DASHBOARD_LINK,
        executor.stats_utils.generate_stats_dashboard_link(statistics),
    )
    statistics.set_json_value_custom_property(
        executor.SAMPLE_RATE_BY_SPLIT_PROPERTY_NAME,
        json_utils.dumps(dict.fromkeys(splits, 1.0)),
    )
