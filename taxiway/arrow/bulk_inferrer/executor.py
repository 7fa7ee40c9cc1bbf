"""BulkInferrer's TFX face: the stock spec and types of artifacts, with our engine for Beam's."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from google.protobuf import json_format
from tfx.components.util import model_utils, tfxio_utils
from tfx.dsl.components.base import base_executor
from tfx.proto import bulk_inferrer_pb2, example_gen_pb2
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import path_utils

from taxiway.arrow.bulk_inferrer.appending import COLUMNS_KEY
from taxiway.arrow.bulk_inferrer.columns import KEPT_COLUMNS, find_kinds
from taxiway.arrow.bulk_inferrer.infer import Target, Work, infer_all
from taxiway.arrow.bulk_inferrer.model import SIGNATURE_KEY, USE_BEAM, USE_BEAM_KEY, Signature
from taxiway.arrow.checked_models import check_models
from taxiway.arrow.examples.reading import shards_of
from taxiway.errors import ConfigError, did_you_mean
from taxiway.workers.job import Shard

PAYLOAD_FORMAT: Final = "payload_format"
"""Custom property of an InferenceResult; the stock executor's has none, and is TFRecord."""
PARQUET: Final = "FORMAT_PARQUET"
_log = logging.getLogger(__name__)


class Executor(base_executor.BaseExecutor):  # type: ignore[misc]  # TFX ships no types
    """Asks a model for every example, and writes what it answers.

    `output_examples`, where it is wired, is as the stock executor writes it, in order. An
    `inference_result` is not: instead of a PredictionLog per row, which repeats the whole request,
    it has Parquet, `Split-<name>/predictions-00000-of-00004.parquet`, a file for each file of
    examples and a row for each example, in their order. Columns are those of `keep_columns`, and
    the signature's outputs: a value where a row has one, else a list. Its custom properties
    are `payload_format` FORMAT_PARQUET, `signature`, `split_names` and `rows`.
    """

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes what is wired; nothing, if the model was not blessed.

        Raises:
          ModelRefused: a model that no process is to load.
          ConfigError: something that only the stock executor can do, or that no one can.
          DataError: see `infer_all`.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        if input_dict.get(specs.MODEL_BLESSING_KEY):
            blessing = artifact_utils.get_single_instance(input_dict[specs.MODEL_BLESSING_KEY])
            if not model_utils.is_model_blessed(blessing):
                _log.info("the model of %s was not blessed: nothing is inferred", blessing.uri)
                return
        check_models(input_dict, exec_properties)
        splits = _splits(input_dict, exec_properties)
        result, examples = (
            artifact_utils.get_single_instance(output_dict[key]) if output_dict.get(key) else None
            for key in (specs.INFERENCE_RESULT_KEY, specs.OUTPUT_EXAMPLES_KEY)
        )
        shards = [shard for found in splits.values() for shard in found]
        kept = json.loads(exec_properties.get(KEPT_COLUMNS) or "[]") if result else []
        work = Work(
            _signature(input_dict, exec_properties),
            find_kinds(shards, kept) if kept else (),
            _appended(exec_properties) if examples else (),
        )
        names = artifact_utils.encode_split_names(sorted(splits))
        if examples:
            examples.split_names = names
        rows = infer_all(work, _targets(splits, result, examples))
        _log.info("%d rows of %s went through the model", rows, ", ".join(splits))
        if result:
            result.set_string_custom_property(PAYLOAD_FORMAT, PARQUET)
            result.set_string_custom_property("signature", work.signature.name)
            result.set_string_custom_property("split_names", names)
            result.set_int_custom_property("rows", rows)


def _splits(inputs: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, list[Shard]]:
    """Files by split, of all artifacts: the stock executor takes a split of the last one only."""
    examples = inputs.get(specs.EXAMPLES_KEY)
    if not examples:
        raise ConfigError("BulkInferrer has no examples", edit="examples of the BulkInferrer")
    payload, _ = tfxio_utils.resolve_payload_format_and_data_view_uri(examples)
    if payload != example_gen_pb2.FORMAT_TF_EXAMPLE:
        name = example_gen_pb2.PayloadFormat.Name(payload)
        raise _refused(f"payloads of {name}", "it reads tf.Examples")
    known: dict[str, list[str]] = {}
    for artifact in examples:
        for name in artifact_utils.decode_split_names(artifact.split_names):
            known.setdefault(name, []).append(artifact_utils.get_split_uri([artifact], name))
    asked = list(_spec(properties, specs.DATA_SPEC_KEY, bulk_inferrer_pb2.DataSpec).example_splits)
    for name in asked:
        if name not in known:
            raise ConfigError(
                f"the examples have no split '{name}'{did_you_mean(name, known)} "
                f"(they have {', '.join(known)})",
                edit="data_spec.example_splits of the BulkInferrer",
            )
    return {name: shards_of(uris) for name, uris in known.items() if name in asked or not asked}


def _signature(inputs: Mapping[str, Any], properties: Mapping[str, Any]) -> Signature:
    if not inputs.get(specs.MODEL_KEY):
        raise ConfigError("BulkInferrer has no model", edit="model of the BulkInferrer")
    model = artifact_utils.get_single_instance(inputs[specs.MODEL_KEY])
    path = path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))
    spec = _spec(properties, specs.MODEL_SPEC_KEY, bulk_inferrer_pb2.ModelSpec)
    names = list(spec.model_signature_name)
    if len(names) > 1:
        raise _refused(f"the signatures {', '.join(names)} at once", "it knows one", SIGNATURE_KEY)
    return Signature(path, (names or [Signature.name])[0], tuple(spec.tag) or Signature.tags)


def _appended(properties: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Outputs and their columns in output examples."""
    key = specs.OUTPUT_EXAMPLE_SPEC_KEY
    found = _spec(properties, key, bulk_inferrer_pb2.OutputExampleSpec).output_columns_spec
    kinds = [each.WhichOneof("output_type") for each in found]
    if kinds != ["predict_output"]:
        asked = ", ".join(kind or "nothing" for kind in kinds) or "nothing"
        raise _refused(f"{asked} for output examples", "it knows one predict_output", COLUMNS_KEY)
    columns = found[0].predict_output.output_columns
    return tuple((each.output_key, each.output_column) for each in columns)


def _spec(properties: Mapping[str, Any], key: str, kind: type) -> Any:
    """A proto of the component's parameters. TFX itself would skip a misspelt key."""
    spec = kind()
    try:
        json_format.Parse(properties.get(key) or "{}", spec)
    except json_format.ParseError as error:
        raise ConfigError(
            f"{key} is no {kind.__name__}: {error}", edit=f"{key} of the BulkInferrer"
        ) from error
    return spec


def _targets(
    splits: Mapping[str, Sequence[Shard]], result: Any, examples: Any
) -> dict[str, Target]:
    """Where what is made of each file of examples goes."""

    def path(artifact: Any, split: str, name: str) -> str:
        return f"{artifact.uri}/Split-{split}/{name}" if artifact else ""

    targets = {}
    for split, shards in splits.items():
        for number, shard in enumerate(shards):
            part = f"{number:05d}-of-{len(shards):05d}"
            targets[shard.uri] = Target(
                path(result, split, f"predictions-{part}.parquet"),
                path(examples, split, f"examples-{part}.gz"),
            )
    return targets


def _refused(what: str, why: str, key: str = "") -> ConfigError:
    """The error for what only the stock executor can do."""
    return ConfigError(
        f"BulkInferrer: the arrow engine does not know {what}: {why}; {USE_BEAM}",
        edit=f"{USE_BEAM_KEY}, or {key}" if key else USE_BEAM_KEY,
    )
