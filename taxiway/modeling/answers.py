"""Whether what a model answers is an answer: its shape, its type, numbers that are numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from taxiway.modeling.names import CLASS, PROBABILITIES, PROBABILITY

SUM_TOLERANCE: Final = 1e-4
"""Of the probabilities of a row, which are float32, thousands of them at most."""


def find_fault(outputs: Mapping[str, npt.NDArray[Any]], rows: int) -> str:
    """What is wrong with an answer to a request of `rows` rows; empty where nothing is."""
    if not outputs:
        return "the model answers with no outputs"
    faults = (_output_fault(name, output, rows) for name, output in outputs.items())
    return next((fault for fault in faults if fault), "")


def shape_fault(name: str, output: npt.NDArray[Any], rows: int) -> str:
    """What is wrong with the number of rows of an output; empty where nothing is."""
    if output.shape[:1] == (rows,):
        return ""
    return f"output '{name}' has shape {list(output.shape)} for a request of {rows} row(s)"


def _output_fault(name: str, output: npt.NDArray[Any], rows: int) -> str:
    wrong_shape = shape_fault(name, output, rows)
    if wrong_shape:
        return wrong_shape
    if name == CLASS and output.dtype.kind in "OSU":
        return "" if all(map(len, output)) else f"output '{name}' has an empty name"
    if output.dtype.kind not in "biuf":
        return f"output '{name}' is not numeric, it is {output.dtype}"
    wrong = output[~np.isfinite(output)]
    if wrong.size:
        return f"output '{name}' answers {wrong[0]}, expected finite numbers"
    if name in (PROBABILITY, PROBABILITIES):
        outside = output[(output < 0) | (output > 1)]
        if outside.size:
            return f"output '{name}' answers {outside[0]}, expected 0 to 1"
    if name == PROBABILITIES:
        sums = output.sum(axis=-1)
        wrong = sums[~np.isclose(sums, 1.0, rtol=0, atol=SUM_TOLERANCE)]
        if wrong.size:
            return f"output '{name}' sums up to {wrong[0]:g}, expected 1"
    return ""
