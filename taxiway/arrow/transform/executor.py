"""Transform's arrow executor: the stock component's spec and artifacts, without Beam."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.impl_helper import METADATA_DIR_NAME
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils
from tfx.components.transform import executor, executor_utils, labels
from tfx.components.util import tfxio_utils
from tfx.dsl.components.base import base_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import io_utils

from taxiway.arrow.examples.reading import shards_of
from taxiway.arrow.transform.analysis import STEP, Analyzed, analyze
from taxiway.arrow.transform.materialize import materialize, total
from taxiway.errors import ConfigError
from taxiway.workers import active
from taxiway.workers.job import job_token


class Executor(base_executor.BaseExecutor):  # type: ignore[misc]  # TFX ships no types
    """Analyses and materialises with batches of thousands of rows."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See the stock executor; writes `transform_graph`, and `transformed_examples` if wired.

        Raises:
          ConfigError: something that only the stock executor can do.
          DataError: examples cannot be read, or there are none.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        _check(input_dict, output_dict, exec_properties)
        executor_utils.MatchNumberOfTransformedExamplesArtifacts(input_dict, output_dict)
        examples = input_dict[specs.EXAMPLES_KEY]
        splits = executor_utils.ResolveSplitsConfig(
            exec_properties.get(specs.SPLITS_CONFIG_KEY), examples
        )
        schema_file = io_utils.get_only_uri_in_dir(
            artifact_utils.get_single_uri(input_dict[specs.SCHEMA_KEY])
        )
        schema = io_utils.SchemaReader().read(schema_file)
        graph_uri = artifact_utils.get_single_uri(output_dict[specs.TRANSFORM_GRAPH_KEY])
        temporary = f"{graph_uri}/.temp"
        tf.io.gfile.makedirs(temporary)
        feature_spec = schema_utils.schema_as_feature_spec(schema).feature_spec
        analyzed = analyze(
            _preprocessing_fn(exec_properties, schema_file, graph_uri),
            feature_spec,
            shards_of(
                [u for s in splits.analyze for u in artifact_utils.get_split_uris(examples, s)]
            ),
            temporary,
            exec_properties.get(specs.SAVE_OPTIONS_KEY),
        )
        _write_graph(analyzed, schema, graph_uri)
        tf.io.gfile.rmtree(temporary)
        transformed = output_dict.get(specs.TRANSFORMED_EXAMPLES_KEY)
        if transformed:
            executor_utils.SetSplitNames(splits.transform, transformed)
            for split in splits.transform:
                _materialize(
                    graph_uri,
                    artifact_utils.get_split_uris(examples, split),
                    artifact_utils.get_split_uris(transformed, split),
                )


def _check(
    input_dict: Mapping[str, Any], output_dict: Mapping[str, Any], properties: Mapping[str, Any]
) -> None:
    unknown = {
        "force_tf_compat_v1": properties.get(specs.FORCE_TF_COMPAT_V1_KEY),
        "statistics (disable_statistics=False)": not properties.get(specs.DISABLE_STATISTICS_KEY),
        "an analyzer cache": output_dict.get(specs.UPDATED_ANALYZER_CACHE_KEY)
        or input_dict.get(specs.ANALYZER_CACHE_KEY),
    }
    asked = [name for name, value in unknown.items() if value]
    if asked:
        raise ConfigError(
            f"Transform: the arrow engine does not know {' and '.join(asked)}: "
            "use engine: beam for Transform",
            edit="engine.components.Transform, or the Transform in pipelines/training.py",
        )
    payload, _ = tfxio_utils.resolve_payload_format_and_data_view_uri(
        input_dict[specs.EXAMPLES_KEY]
    )
    if payload != example_gen_pb2.FORMAT_TF_EXAMPLE:
        name = example_gen_pb2.PayloadFormat.Name(payload)
        raise ConfigError(
            f"Transform: the arrow engine reads FORMAT_TF_EXAMPLE, got {name}: "
            "use engine: beam for Transform",
            edit="engine.components.Transform",
        )


def _preprocessing_fn(properties: Mapping[str, Any], schema_file: str, graph_uri: str) -> Any:
    """The user's function, found as the stock executor finds it."""
    inputs = {
        labels.MODULE_FILE: properties.get(specs.MODULE_FILE_KEY),
        labels.MODULE_PATH: properties.get(specs.MODULE_PATH_KEY),
        labels.PREPROCESSING_FN: properties.get(specs.PREPROCESSING_FN_KEY),
        labels.CUSTOM_CONFIG: properties.get(specs.CUSTOM_CONFIG_KEY),
        labels.SCHEMA_PATH_LABEL: schema_file,
    }
    outputs = {labels.TRANSFORM_METADATA_OUTPUT_PATH_LABEL: graph_uri}
    return executor.Executor()._GetPreprocessingFn(inputs, outputs)


def _write_graph(analyzed: Analyzed, schema: Any, uri: str) -> None:
    """The folders of a `tft.TFTransformOutput`."""
    output = tft.TFTransformOutput
    metadata_io.write_metadata(
        dataset_metadata.DatasetMetadata(schema), f"{uri}/{output.RAW_METADATA_DIR}"
    )
    transformed = f"{uri}/{output.TRANSFORMED_METADATA_DIR}"
    inferred = f"{analyzed.saved_model}/{METADATA_DIR_NAME}"
    metadata_io.write_metadata(metadata_io.read_metadata(inferred), transformed)
    tf.io.gfile.rmtree(inferred)
    if analyzed.assets:
        with tf.io.gfile.GFile(f"{transformed}/{output.ASSET_MAP}", "w") as file:
            file.write(json.dumps(dict(analyzed.assets)))
    tf.io.gfile.rename(analyzed.saved_model, f"{uri}/{output.TRANSFORM_FN_DIR}")


def _materialize(graph_uri: str, examples: list[str], transformed: list[str]) -> None:
    """Writes as many files as there are, under the same names."""
    job = job_token()
    for source, target in zip(examples, transformed, strict=True):
        shards = shards_of([source])
        tf.io.gfile.makedirs(target)
        targets = {
            shard.uri: f"{target}/transformed_{PurePosixPath(shard.uri).name}" for shard in shards
        }
        active.run(partial(materialize, graph_uri, targets, job), shards, total, STEP)
