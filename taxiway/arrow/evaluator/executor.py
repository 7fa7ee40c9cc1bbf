"""The Evaluator's TFX face: the stock spec and artifacts, with our engine in place of Beam."""

from __future__ import annotations

from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_specs
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.utils import model_util
from tfx.components.evaluator import constants
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import (
    BASELINE_MODEL_KEY,
    BLESSING_KEY,
    EVAL_CONFIG_KEY,
    EVALUATION_KEY,
    EXAMPLE_SPLITS_KEY,
    EXAMPLES_KEY,
    MODEL_KEY,
    MODULE_FILE_KEY,
    MODULE_PATH_KEY,
)
from tfx.utils import io_utils, json_utils, path_utils, proto_utils

from taxiway.arrow.checked_models import check_models
from taxiway.arrow.evaluator.baseline import UsableBaseline
from taxiway.arrow.evaluator.evaluate import evaluate
from taxiway.arrow.evaluator.plan import refused
from taxiway.arrow.examples.reading import shards_of
from taxiway.errors import ConfigError
from taxiway.modeling.names import EVAL_SPLIT

DEFAULT_SPLITS = (EVAL_SPLIT,)


class _Executor(base_executor.BaseExecutor):  # type: ignore[misc]  # TFX ships no types
    """Evaluates without Beam; inputs, outputs and properties are those of the stock executor."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the `evaluation` artifact and, where there are thresholds, the `blessing`.

        Raises:
          ModelRefused: a model that no process is to load.
          ConfigError: something only the stock executor does.
          DataError: see `evaluate`.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        check_models(input_dict, exec_properties)
        eval_config = read_eval_config(input_dict, exec_properties)
        paths = _model_paths(input_dict, eval_config)
        splits = json_utils.loads(exec_properties.get(EXAMPLE_SPLITS_KEY) or "null")
        files = _files(input_dict[EXAMPLES_KEY], splits or DEFAULT_SPLITS)
        folder = artifact_utils.get_single_uri(output_dict[EVALUATION_KEY])
        validation = evaluate(files, eval_config, paths, folder)
        # Without thresholds nothing is blessed, or forgetting them would bless every model.
        if metric_specs.metric_thresholds_from_metrics_specs(
            eval_config.metrics_specs, eval_config=eval_config
        ):
            blessing = artifact_utils.get_single_instance(output_dict[BLESSING_KEY])
            _bless(blessing, bool(validation.validation_ok), input_dict, exec_properties)


class Executor(UsableBaseline, _Executor):
    """Evaluates without Beam, and without a baseline that cannot be used."""


class StrictExecutor(Executor):
    """The same, where `evaluation.baseline` is `required`."""

    baseline_rule = "required"


def read_eval_config(input_dict: dict[str, list[Any]], exec_properties: dict[str, Any]) -> Any:
    """The EvalConfig as the stock executor completes it: with a baseline where there is one.

    Raises:
      ConfigError: there is none, or user code beside it.
    """
    for key in (MODULE_FILE_KEY, MODULE_PATH_KEY):
        if exec_properties.get(key):
            raise refused(f"with {key}", "it runs no extractors or models of a user's module")
    if not exec_properties.get(EVAL_CONFIG_KEY):
        raise ConfigError("the Evaluator needs an eval_config", edit="evaluation")
    asked = config_pb2.EvalConfig()
    proto_utils.json_to_proto(exec_properties[EVAL_CONFIG_KEY], asked)
    completed = tfma.utils.update_eval_config_with_defaults(
        asked, has_baseline=bool(input_dict.get(BASELINE_MODEL_KEY)), rubber_stamp=True
    )
    tfma.utils.verify_eval_config(completed)
    return completed


def _model_paths(input_dict: dict[str, list[Any]], eval_config: Any) -> dict[str, str]:
    """SavedModels by the names that TFMA gives candidate and baseline."""
    if not input_dict.get(MODEL_KEY):
        raise refused("without a model", "it does not read predictions from examples")
    paths = {}
    for spec in eval_config.model_specs:
        key = BASELINE_MODEL_KEY if spec.is_baseline else MODEL_KEY
        model = artifact_utils.get_single_instance(input_dict[key])
        is_old = path_utils.is_old_model_artifact(model)
        paths[spec.name] = path_utils.serving_model_path(model.uri, is_old)
        if model_util.get_model_type(spec, paths[spec.name]) == tfma.TF_KERAS:
            raise refused("Keras models", "it adds no metrics of the model's own")
    return paths


def _files(examples: list[Any], splits: Any) -> list[str]:
    """The files of all splits, in a stable order.

    Raises:
      DataError: a split has none.
    """
    if examples_utils.get_payload_format(examples[0]) != example_gen_pb2.FORMAT_TF_EXAMPLE:
        raise refused("payloads that are not tf.Example", "it reads TFRecord files of those")
    uris = [uri for split in splits for uri in artifact_utils.get_split_uris(examples, split)]
    return [shard.uri for shard in shards_of(uris)]


def _bless(
    blessing: Any,
    blessed: bool,
    input_dict: dict[str, list[Any]],
    exec_properties: dict[str, Any],
) -> None:
    """The stock executor's file and properties."""
    model = artifact_utils.get_single_instance(input_dict[MODEL_KEY])
    blessing.set_string_custom_property(
        constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri
    )
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    if input_dict.get(BASELINE_MODEL_KEY):
        baseline = input_dict[BASELINE_MODEL_KEY][0]
        blessing.set_string_custom_property(
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline.uri
        )
        blessing.set_int_custom_property(
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, baseline.id
        )
    if "current_component_id" in exec_properties:
        blessing.set_string_custom_property("component_id", exec_properties["current_component_id"])
    name = constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME
    io_utils.write_string_file(f"{blessing.uri}/{name}", "")
    value = constants.BLESSED_VALUE if blessed else constants.NOT_BLESSED_VALUE
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, value)
