"""Small models and examples, and evaluations of them by the stock executor and by ours."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from taxiway.metadata.describe import UNUSABLE_BASELINE
from taxiway.process.inventory import FILES_PROPERTY
from tests.conftest import not_measured

Row = Mapping[str, Any]
"""Features of an example: None for missing, [] for without values, a value, or a list of them."""


@dataclasses.dataclass(frozen=True)
class Case:
    """What is evaluated."""

    rows: Sequence[Row]
    config: str
    """An EvalConfig as text."""
    models: Sequence[Any]
    """Functions from parsed columns to outputs: of the candidate, and of a baseline."""
    inputs: Mapping[str, Any]
    """How models parse examples."""
    labels: Any = None
    """A function from parsed columns to labels by name, for models that have such a signature."""


@dataclasses.dataclass(frozen=True)
class Done:
    """What an executor wrote."""

    folder: str
    blessing: str
    """Names of the blessing's files."""
    properties: Mapping[str, Any]
    """Of the blessing."""
    unusable_baseline: str
    """Of the evaluation."""


def prepare(case: Case, root: Path) -> tuple[str, list[str], Any]:
    """Writes a case: the examples' folder, those of the models, and the EvalConfig."""
    from google.protobuf import text_format
    from tensorflow_model_analysis.proto import config_pb2

    write_shards(case.rows, root / "examples" / "Split-eval")
    for index, answer in enumerate(case.models):
        folder = root / f"model{index}" / "Format-Serving"
        save_model(answer, case.inputs, folder, case.labels)
    models = [str(root / f"model{index}") for index in range(len(case.models))]
    config = text_format.Parse(case.config, config_pb2.EvalConfig())
    return str(root / "examples"), models, config


def write_shards(rows: Sequence[Row], folder: Path) -> None:
    """Four files, two of them gzipped: most rows, one row, the rest, and none."""
    import tensorflow as tf

    folder.mkdir(parents=True)
    most = len(rows) * 2 // 3
    parts = [rows[:most], rows[most : most + 1], rows[most + 1 :], []]
    for index, part in enumerate(parts):
        zipped = index % 2 == 0
        path = folder / f"data_tfrecord-{index:05d}-of-00004{'.gz' if zipped else ''}"
        with tf.io.TFRecordWriter(str(path), "GZIP" if zipped else "") as target:
            for row in part:
                target.write(example(row))


def example(row: Row) -> bytes:
    """A serialized tf.Example of ints, floats, strings and bytes."""
    import tensorflow as tf

    result = tf.train.Example()
    for name, value in row.items():
        if value is None:
            continue
        feature = result.features.feature[name]
        values = value if isinstance(value, (list, tuple)) else [value]
        if not values:
            feature.bytes_list.SetInParent()
        elif isinstance(values[0], int):
            feature.int64_list.value.extend(values)
        elif isinstance(values[0], float):
            feature.float_list.value.extend(values)
        else:
            coded = [v if isinstance(v, bytes) else v.encode() for v in values]
            feature.bytes_list.value.extend(coded)
    return bytes(result.SerializeToString())


def save_model(answer: Any, inputs: Mapping[str, Any], folder: Path, labels: Any = None) -> None:
    """A SavedModel that parses examples and answers, and may give their labels."""
    import tensorflow as tf

    def signature(of: Any) -> Any:
        return tf.function(
            lambda examples: of(tf.io.parse_example(examples, dict(inputs))),
            input_signature=[tf.TensorSpec([None], tf.string, name="examples")],
        )

    model = tf.Module()
    model.serve = signature(answer)
    signatures = {"serving_default": model.serve}
    if labels is not None:
        model.labels = signature(labels)
        signatures["labels"] = model.labels
    tf.saved_model.save(model, str(folder), signatures=signatures)


def execute(
    engine: str,
    examples_uri: str,
    models: Sequence[str],
    eval_config: Any,
    root: Path,
    *,
    strict: bool = False,
    baseline_files: str = "",
) -> Done:
    """Runs the executor of an engine on artifacts; the second model is the baseline.

    Coverage sees ours only.

    Args:
      engine: arrow or beam, which is TFX's own behind ours.
      examples_uri: of the examples.
      models: folders of the candidate, and of a baseline.
      eval_config: TFMA's.
      root: a folder for what it makes.
      strict: whether a baseline that cannot be used is refused.
      baseline_files: what the baseline is said to have held when it was made.
    """
    from tfx.components.util import examples_utils
    from tfx.dsl.components.base import base_beam_executor, base_executor
    from tfx.proto import example_gen_pb2
    from tfx.types import artifact_utils, standard_artifacts
    from tfx.utils import json_utils, proto_utils

    from taxiway.arrow.executors import ARROW, BEAM, STRICT
    from taxiway.config.beam import DirectBeam, pipeline_args
    from taxiway.workers.active import working
    from taxiway.workers.inline import InlineWorkers

    out = root / engine
    examples = _artifact(standard_artifacts.Examples, examples_uri, 1)
    examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    inputs = {"examples": [examples]}
    for key, uri, identity in zip(("model", "baseline_model"), models, (2, 3), strict=False):
        inputs[key] = [_artifact(standard_artifacts.Model, uri, identity)]
    evaluation = _artifact(standard_artifacts.ModelEvaluation, str(out / "evaluation"), 4)
    blessing = _artifact(standard_artifacts.ModelBlessing, str(out / "blessing"), 5)
    for artifact in (evaluation, blessing):
        Path(artifact.uri).mkdir(parents=True)
    properties = {
        "eval_config": proto_utils.proto_to_json(eval_config),
        "example_splits": json_utils.dumps(["eval"]),
        "fairness_indicator_thresholds": "null",
    }
    if baseline_files:
        inputs["baseline_model"][0].set_string_custom_property(FILES_PROPERTY, baseline_files)
    context = {"tmp_dir": str(root / "tmp"), "unique_id": "1"}
    beam = pipeline_args(DirectBeam(kind="direct"))
    kind = {"arrow": ARROW, "beam": BEAM}[engine]["Evaluator"]
    executor = (STRICT[kind] if strict else kind)(
        base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=beam, **context)
        if engine == "beam"
        else base_executor.BaseExecutor.Context(**context)
    )
    measured = not_measured() if engine == "beam" else contextlib.nullcontext()
    with working(InlineWorkers(kind="inline")), measured:
        executor.Do(inputs, {"evaluation": [evaluation], "blessing": [blessing]}, properties)
    found = {
        key: value.int_value or value.string_value
        for key, value in blessing.mlmd_artifact.custom_properties.items()
    }
    files = sorted(path.name for path in Path(blessing.uri).iterdir())
    unusable = evaluation.get_string_custom_property(UNUSABLE_BASELINE)
    return Done(evaluation.uri, ",".join(files), found, unusable)


def _artifact(kind: Any, uri: str, identity: int) -> Any:
    artifact = kind()
    artifact.uri = uri
    artifact.id = identity
    return artifact


def metrics_of(folder: str) -> dict[str, dict[str, Any]]:
    """Values and intervals as protos, by metric key, by slice."""
    from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as writer

    return {
        str(one.slice_key): {str(each.key): each for each in one.metric_keys_and_values}
        for one in writer.load_and_deserialize_metrics(folder)
    }


def plots_of(folder: str) -> dict[str, Any]:
    """Plots by slice."""
    from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as writer

    return {str(one.slice_key): one for one in writer.load_and_deserialize_plots(folder)}


def verdict_of(folder: str) -> Any:
    """The ValidationResult in an order of its own, as Beam's is by chance."""
    import tensorflow_model_analysis as tfma

    verdict = tfma.load_validation_result(folder)
    for one in verdict.metric_validations_per_slice:
        one.failures.sort(key=lambda f: f"{f.metric_key}{f.metric_threshold}")
        for failure in one.failures:
            value = failure.metric_value.double_value
            value.value = round(value.value, 6)
    verdict.metric_validations_per_slice.sort(key=lambda one: str(one.slice_key))
    verdict.validation_details.slicing_details.sort(key=str)
    verdict.missing_slices.sort(key=str)
    return verdict


def differences(one: Any, other: Any, within: float = 1e-6) -> list[str]:
    """Where two protos of the same type differ by more than allowed, relative above 1."""
    from google.protobuf import json_format

    pair = [dict(_leaves(json_format.MessageToDict(message))) for message in (one, other)]
    found = [f"{path} in one only" for path in pair[0].keys() ^ pair[1].keys()]
    for path in pair[0].keys() & pair[1].keys():
        left, right = pair[0][path], pair[1][path]
        if not _near(left, right, within):
            found.append(f"{path}: {left} and {right}")
    return found


def _leaves(message: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(message, dict):
        for key, value in message.items():
            yield from _leaves(value, f"{path}/{key}")
    elif isinstance(message, list):
        for index, value in enumerate(message):
            yield from _leaves(value, f"{path}/{index}")
    else:
        yield path, message


def _near(left: Any, right: Any, within: float) -> bool:
    try:
        left, right = float(left), float(right)
    except ValueError:
        return bool(left == right)
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return left == right or bool(np.abs(left - right) <= within * max(1.0, abs(left)))
