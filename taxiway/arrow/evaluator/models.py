"""The models that are evaluated: what each answers about a batch, and what it makes of labels."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Final

import tensorflow as tf

from taxiway.arrow.evaluator.pairing import Array
from taxiway.errors import ConfigError, DataError
from taxiway.modeling.exported.loaded_model import describe_error

USE_BEAM: Final = "use engine: beam for the Evaluator"
USE_BEAM_KEY: Final = "engine.components: {Evaluator: beam}"
USUAL_OUTPUTS: Final = ("scores", "outputs", "predictions", "logistic", "probabilities", "logits")
"""Where TFMA looks for predictions of a model with several outputs and no prediction_key."""


@dataclass(frozen=True)
class Model:
    """A SavedModel, and where its answers and the labels and weights to judge them by are."""

    name: str
    """As TFMA names it: empty where there is one model."""
    path: str
    signature: str
    prediction: str
    label: str
    weight: str
    label_signature: str = ""
    """The signature that makes labels of examples; empty where they are read from the column."""


def predict(model: Model, serialized: Any, job: str) -> Array:
    """Answers of a batch, [N] or [N, classes]."""
    outputs = _asked(job, model.path, model.signature, serialized)
    key = next(iter(outputs))
    if len(outputs) > 1:
        wanted = (model.prediction,) if model.prediction else USUAL_OUTPUTS
        key = next((name for name in wanted if name in outputs), "")
    if not key:
        raise ConfigError(
            f"the model answers {', '.join(sorted(outputs))}, "
            f"expected {' or '.join(wanted)} among them",
            edit="prediction_key of the model spec",
        )
    answers: Array = outputs[key].numpy()
    if answers.ndim not in (1, 2) or len(answers) != len(serialized):
        raise ConfigError(
            f"output '{key}' has the shape {list(answers.shape)} for {len(serialized)} rows, "
            f"expected a number, or one per class, for each row: {USE_BEAM}",
            edit=USE_BEAM_KEY,
        )
    return answers


def labels_of(model: Model, serialized: Any, job: str) -> Array:
    """What a model's own signature makes of the labels of a batch, [N, 1].

    Raises:
      ConfigError: the model has no such signature, or it does not give the label.
      DataError: a label that is none of the model's classes.
    """
    edit = f"the data of column '{model.label}', or task in the model's features.py"
    try:
        outputs = _asked(job, model.path, model.label_signature, serialized)
    except tf.errors.InvalidArgumentError as error:
        raise DataError(
            f"labels of the rows to evaluate: {describe_error(error)['error']}", edit=edit
        ) from error
    if model.label not in outputs:
        raise ConfigError(
            f"signature '{model.label_signature}' gives {', '.join(sorted(outputs))}, "
            f"expected '{model.label}' among them",
            edit="preprocessing_function_names of the model spec",
        )
    labels: Array = outputs[model.label].numpy()
    if labels.shape not in ((len(serialized),), (len(serialized), 1)):
        raise ConfigError(
            f"signature '{model.label_signature}' gives labels of the shape {list(labels.shape)} "
            f"for {len(serialized)} rows, expected one for each",
            edit="preprocessing_function_names of the model spec",
        )
    unknown = int((labels < 0).sum())
    if unknown:
        raise DataError(
            f"{unknown} of {len(labels)} rows to evaluate have a '{model.label}' that is none of "
            f"the classes of model '{model.name or 'candidate'}'",
            edit=edit,
        )
    return labels.reshape(len(labels), 1)


def _asked(job: str, path: str, name: str, serialized: Any) -> dict[str, Any]:
    signature, argument = _signature(job, path, name)
    outputs: dict[str, Any] = signature(**{argument: serialized})
    return outputs


@functools.lru_cache(maxsize=4)
def _loaded(job: str, path: str) -> Any:
    """A model, which is kept: its signatures alone would not keep it."""
    del job  # but part of the key: in another job there may be another model at the path
    return tf.saved_model.load(path, tags=[tf.saved_model.SERVING])


def _signature(job: str, path: str, name: str) -> tuple[Any, str]:
    """A model's signature and the name of its input."""
    signatures = _loaded(job, path).signatures
    wanted = name or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    if wanted not in signatures:
        raise ConfigError(
            f"the model has no signature '{wanted}' (it has {', '.join(signatures)})",
            edit="signature_name of the model spec",
        )
    signature = signatures[wanted]
    inputs = signature.structured_input_signature[1]
    if len(inputs) != 1 or next(iter(inputs.values())).dtype != tf.string:
        raise ConfigError(
            f"signature '{wanted}' takes {', '.join(inputs)}, expected one tensor of serialized "
            f"examples: {USE_BEAM}",
            edit=USE_BEAM_KEY,
        )
    return signature, next(iter(inputs))
