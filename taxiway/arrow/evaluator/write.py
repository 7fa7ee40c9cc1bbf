"""TFMA's result files, of its own protos: what `tfma.load_eval_result` and its views read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import tensorflow as tf
from google.protobuf import json_format
from tensorflow_model_analysis import constants, version
from tensorflow_model_analysis.evaluators import metrics_validator
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.writers import eval_config_writer
from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as writer

from taxiway.arrow.evaluator.results import Slice
from taxiway.arrow.evaluator.vectorized import Metrics

ONE_SHARD: Final = "-00000-of-00001.tfrecord"
"""As Beam names the only shard of a small output."""


def write_results(
    folder: str, eval_config: Any, slices: Sequence[Slice], model_paths: Mapping[str, str]
) -> Any:
    """Writes everything that TFMA's default writers write.

    Args:
      folder: of the evaluation artifact.
      eval_config: with TFMA's defaults filled in.
      slices: what was computed.
      model_paths: by TFMA's name of the model, for display.

    Returns:
      The ValidationResult.
    """
    metrics, plots, attributions = [], [], []
    for each in slices:
        numbers, pictures = _parted(each.metrics)
        shown = {**numbers, **each.bounded}
        metrics.append(writer.convert_slice_metrics_to_proto((each.key, shown), []))
        plots.append(writer.convert_slice_plots_to_proto((each.key, pictures), []))
        attributions.append(writer.convert_slice_attributions_to_proto((each.key, {})))
    validation = validate(slices, eval_config)
    tf.io.gfile.makedirs(folder)
    _write(f"{folder}/{constants.METRICS_KEY}{ONE_SHARD}", metrics)
    _write(f"{folder}/{constants.PLOTS_KEY}{ONE_SHARD}", plots)
    _write(f"{folder}/{constants.ATTRIBUTIONS_KEY}{ONE_SHARD}", attributions)
    _write(f"{folder}/{constants.VALIDATIONS_KEY}.tfrecord", [validation])
    _write_eval_run(folder, eval_config, model_paths)
    return validation


def validate(slices: Sequence[Slice], eval_config: Any) -> Any:
    """TFMA's verdict on all slices, those that are missing among them."""
    combine = writer.CombineValidations(eval_config)
    result = combine.create_accumulator()
    for each in slices:
        numbers, _ = _parted(each.metrics)
        verdict = metrics_validator.validate_metrics((each.key, numbers), eval_config)
        result = combine.add_input(result, verdict)
    return combine.extract_output(result)


def _parted(metrics: Metrics) -> tuple[Metrics, Metrics]:
    """Metrics, and plots."""
    plots = {k: v for k, v in metrics.items() if isinstance(k, metric_types.PlotKey)}
    return {k: v for k, v in metrics.items() if not isinstance(k, metric_types.PlotKey)}, plots


def _write(path: str, messages: Sequence[Any]) -> None:
    with tf.io.TFRecordWriter(path) as target:
        for message in messages:
            target.write(message.SerializeToString())


def _write_eval_run(folder: str, eval_config: Any, model_paths: Mapping[str, str]) -> None:
    """What TFMA's EvalConfigWriter writes for rows that come from a pipeline."""
    run = config_pb2.EvalRun(
        eval_config=eval_config,
        version=version.VERSION,
        data_location="<user provided PCollection>",
        file_format="<unknown>",
        model_locations=dict(model_paths),
    )
    name = f"{eval_config_writer.EVAL_CONFIG_FILE}.{eval_config_writer.EVAL_CONFIG_FILE_FORMAT}"
    with tf.io.gfile.GFile(f"{folder}/{name}", "w") as target:
        target.write(json_format.MessageToJson(run) + "\n")
