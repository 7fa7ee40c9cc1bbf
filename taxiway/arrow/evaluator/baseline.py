"""A baseline that cannot be used counts as none, and it is said; the same in both engines.

The latest blessed model may be gone from its folder, or read other columns than today's examples
have. That is no fault of the new model. So where an evaluation fails, the baseline alone is asked
about every example; if that fails too, the evaluation is done once more, without it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import (
    BASELINE_MODEL_KEY,
    BLESSING_KEY,
    EVAL_CONFIG_KEY,
    EVALUATION_KEY,
    EXAMPLE_SPLITS_KEY,
    EXAMPLES_KEY,
)
from tfx.utils import json_utils, path_utils, proto_utils

from taxiway.arrow.checked_models import check_models
from taxiway.arrow.evaluator.models import Model, labels_of, predict
from taxiway.arrow.evaluator.shard import BATCH_ROWS
from taxiway.config.evaluation import BaselineRule
from taxiway.errors import TaxiwayError
from taxiway.metadata.describe import UNUSABLE_BASELINE
from taxiway.modeling.example_files import files_in, open_examples
from taxiway.modeling.exported.loaded_model import describe_error
from taxiway.modeling.exported.saved_model import ModelRefused
from taxiway.modeling.names import EVAL_SPLIT
from taxiway.process import inventory
from taxiway.workers.job import job_token

Artifacts = dict[str, list[Any]]
"""TFX's, by input or output key."""
LONGEST_REASON: Final = 300


class UsableBaseline:
    """In front of an Evaluator's executor: calls its `Do` with a baseline that it can work with."""

    CHECKS_INPUTS: ClassVar[Sequence[str]] = (BASELINE_MODEL_KEY,)
    """The launcher leaves it to this class whether that input is whole."""
    baseline_rule: ClassVar[BaselineRule] = "when_usable"

    def Do(
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        """As the executor's own.

        Raises:
          TaxiwayError: the baseline cannot be used, and is required.
        """
        do: Callable[..., None] = super().Do  # type: ignore[misc]  # of the executor behind
        baseline = input_dict.get(BASELINE_MODEL_KEY)
        if not baseline:
            do(input_dict, output_dict, exec_properties)
            return
        reason = _loss(baseline[0]) or _refusal(baseline[0], exec_properties)
        if not reason:
            try:
                do(input_dict, output_dict, exec_properties)
            except Exception:
                reason = _complaint(input_dict, exec_properties)
                if not reason:
                    raise
                logging.exception("the evaluation failed because of its baseline")
        if not reason:
            return
        reason = reason[:LONGEST_REASON]
        if self.baseline_rule == "required":
            raise TaxiwayError(
                f"the baseline {baseline[0].uri} cannot be used: {reason}",
                edit="evaluation.baseline: when_usable, or put the model back",
            )
        for key in (EVALUATION_KEY, BLESSING_KEY):
            _empty(artifact_utils.get_single_uri(output_dict[key]))
        do({**input_dict, BASELINE_MODEL_KEY: []}, output_dict, exec_properties)
        evaluation = artifact_utils.get_single_instance(output_dict[EVALUATION_KEY])
        evaluation.set_string_custom_property(UNUSABLE_BASELINE, reason)


def _loss(model: Any) -> str:
    """What is wrong with the model's files; empty where nothing is known to be."""
    folder = path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))
    if not fileio.exists(folder):
        return f"{folder} is gone"
    properties = model.mlmd_artifact.custom_properties
    known = {name: value.string_value for name, value in properties.items()}
    return inventory.fault(model.uri, known)


def _refusal(model: Any, exec_properties: dict[str, Any]) -> str:
    """Why no process is to load the model; empty where it may be."""
    try:
        check_models({BASELINE_MODEL_KEY: [model]}, exec_properties)
    except ModelRefused as error:
        return error.message
    return ""


def _complaint(input_dict: Artifacts, exec_properties: dict[str, Any]) -> str:
    """Why the baseline does not answer about the examples; empty where it does."""
    model = input_dict[BASELINE_MODEL_KEY][0]
    config = config_pb2.EvalConfig()
    proto_utils.json_to_proto(exec_properties[EVAL_CONFIG_KEY], config)
    config = tfma.utils.update_eval_config_with_defaults(
        config, has_baseline=True, rubber_stamp=True
    )
    spec = next(one for one in config.model_specs if one.is_baseline)
    asked = Model(
        name=spec.name,
        path=path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model)),
        signature=spec.signature_name,
        prediction=spec.prediction_key,
        label=spec.label_key,
        weight="",
        label_signature=next(iter(spec.preprocessing_function_names), ""),
    )
    splits = json_utils.loads(exec_properties.get(EXAMPLE_SPLITS_KEY) or "null") or [EVAL_SPLIT]
    uris = [
        uri
        for split in splits
        for uri in artifact_utils.get_split_uris(input_dict[EXAMPLES_KEY], split)
    ]
    job = job_token()
    try:
        for file in (file for uri in uris for file in files_in(uri)):
            for batch in open_examples([file]).batch(BATCH_ROWS):
                try:
                    predict(asked, batch, job)
                    if asked.label_signature:
                        labels_of(asked, batch, job)
                except Exception as error:  # models raise what they like
                    return describe_error(error)["error"]
    except Exception:  # the examples cannot be read, which is not the baseline's fault
        logging.exception("the examples cannot be read")
    return ""


def _empty(folder: str) -> None:
    """Removes what a failed evaluation has left."""
    for name in fileio.listdir(folder) if fileio.isdir(folder) else ():
        path = f"{folder.rstrip('/')}/{name.strip('/')}"
        (fileio.rmtree if fileio.isdir(path) else fileio.remove)(path)
