"""The score of each row of an answer: the one number by which versions are compared."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from taxiway.delivery.evidence.measured import score_bucket
from taxiway.modeling.names import PROBABILITIES, PROBABILITY, VALUE
from taxiway.serving.requests.ask import Arrays

_OUTPUTS: Final = (PROBABILITY, VALUE, PROBABILITIES)
"""Whose is the score, the first that there is; of several numbers of a row, the highest."""
_RATIO: Final = math.log(1.1)
_INSIDE: Final = 100


def scores_of(outputs: Arrays) -> npt.NDArray[Any] | None:
    """A score per row, [N]; None where the outputs have no number.

    Args:
      outputs: of a model; where it has none of ours, its first output of floats by name counts.
    """
    for name in _OUTPUTS:
        if name in outputs:
            return _by_row(outputs[name])
    for name in sorted(outputs):
        if outputs[name].dtype.kind == "f":
            return _by_row(outputs[name])
    return None


def add_scores(scores: npt.NDArray[Any], into: dict[int, int]) -> int:
    """Adds finite scores to their buckets, see `score_bucket`; how many were not finite."""
    if scores.size == 1:  # as nearly always, and ten times as fast
        score = float(scores.item())
        if not math.isfinite(score):
            return 1
        bucket = score_bucket(score)
        into[bucket] = into.get(bucket, 0) + 1
        return 0
    finite = scores[np.isfinite(scores)].astype(np.float64)
    if finite.size:
        buckets = _buckets(finite)
        lowest = int(buckets.min())
        counts = np.bincount(buckets - lowest)
        for at in np.flatnonzero(counts).tolist():
            into[lowest + at] = into.get(lowest + at, 0) + int(counts[at])
    return int(scores.size - finite.size)


def _by_row(output: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if output.ndim == 1:
        return output
    # fmax would hide a NaN beside a number
    by_row = output.reshape(len(output), -1)
    return by_row.max(axis=1) if by_row.shape[1] else np.zeros(len(output))


def _buckets(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """`score_bucket` of many; at most 7,500 to either side, as float64 has its bounds."""
    inside = np.minimum((np.clip(scores, 0.0, 1.0) * _INSIDE).astype(np.int64), _INSIDE - 1)
    above = _INSIDE + np.floor(np.log(np.maximum(scores, 1.0)) / _RATIO)
    below = -1 - np.floor(np.log1p(np.maximum(-scores, 0.0)) / _RATIO)
    found = np.where(scores > 1.0, above, np.where(scores < 0.0, below, inside))
    return found.astype(np.int64)
