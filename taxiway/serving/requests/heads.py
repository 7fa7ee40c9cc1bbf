"""A model's outputs as TensorFlow Serving's classify and regress have them.

The signatures of these names in a SavedModel compute the same from the same outputs, so a version
is asked one way only, and its requests batch whatever they came as.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from taxiway.access.refusal import Code, Refusal
from taxiway.modeling.names import CLASSIFY, PROBABILITIES, PROBABILITY, REGRESS, VALUE
from taxiway.serving.requests.ask import Arrays

CLASSES: Final = "classes"
"""Output of the signature `classify`: labels, string [N, K]."""
SCORES: Final = "scores"
"""Likewise: float32 [N, K]."""
OUTPUTS: Final = "outputs"
"""Output of the signature `regress`: float32 [N]."""


def classified(outputs: Arrays, classes: Sequence[str]) -> tuple[list[str], npt.NDArray[Any]]:
    """Labels of K classes, the same for every row, and their scores [N, K].

    Args:
      outputs: of the model: `probability`, or `probabilities`.
      classes: see `Described.classes`; where they are not known, labels are empty, as TensorFlow
        Serving has them for a signature without classes.

    Raises:
      Refusal: INVALID, the model gives neither.
    """
    if PROBABILITY in outputs:
        likely = outputs[PROBABILITY]
        scores = np.stack([1 - likely, likely], axis=1)
    elif PROBABILITIES in outputs:
        scores = outputs[PROBABILITIES]
    else:
        raise _no_such(CLASSIFY, outputs)
    number = scores.shape[1]
    return (list(classes) if len(classes) == number else [""] * number), scores


def regressed(outputs: Arrays) -> npt.NDArray[Any]:
    """The number of each row, [N].

    Raises:
      Refusal: INVALID, the model gives none.
    """
    if VALUE not in outputs:
        raise _no_such(REGRESS, outputs)
    return outputs[VALUE]


def served(signature: str, outputs: Arrays, classes: Sequence[str]) -> Arrays:
    """The outputs of a signature, whichever of a model's it is.

    Raises:
      Refusal: INVALID, the model has no such signature.
    """
    if signature == CLASSIFY:
        labels, scores = classified(outputs, classes)
        named = np.array([[label.encode() for label in labels]], dtype=object)
        return {CLASSES: np.repeat(named, len(scores), axis=0), SCORES: scores}
    if signature == REGRESS:
        return {OUTPUTS: regressed(outputs)}
    return outputs


def _no_such(signature: str, outputs: Arrays) -> Refusal:
    given = ", ".join(sorted(outputs)) or "nothing"
    return Refusal(
        Code.INVALID, f"the model has no signature '{signature}': it answers with {given}"
    )
