"""What two versions say of the same rows, held against each other."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from taxiway.delivery.evidence.measured import Moments, Pairs
from taxiway.serving.delivering.measuring.scores import scores_of
from taxiway.serving.requests.ask import Arrays

TOLERANCE: Final = 1e-6
"""Within which numbers are equal, absolute or of the number: that of every protocol here."""


def compared(sent: Arrays, copied: Arrays, rows: int) -> Pairs:
    """Agreement and drift, row by row.

    Where both name a class, or anything else that is no float, rows agree if that is the same;
    else if all their numbers are. Versions that have no output in common agree in no row.

    Args:
      sent: what the client was told.
      copied: what the shadow said.
      rows: of the request.
    """
    agreed = _agreed(sent, copied, rows)
    return Pairs(compared=rows, agreed=int(agreed.sum()), drift=_drift(sent, copied))


def _agreed(sent: Arrays, copied: Arrays, rows: int) -> npt.NDArray[np.bool_]:
    both = [name for name in sent if name in copied]
    named = [name for name in both if sent[name].dtype.kind != "f"]
    agreed = np.full(rows, bool(both))
    for name in named or both:
        agreed &= _equal(sent[name], copied[name], rows)
    return agreed


def _equal(one: npt.NDArray[Any], other: npt.NDArray[Any], rows: int) -> npt.NDArray[np.bool_]:
    if one.shape != other.shape:
        return np.zeros(rows, bool)
    if one.dtype.kind == "f" and other.dtype.kind == "f":
        same = np.isclose(one, other, rtol=TOLERANCE, atol=TOLERANCE)
    else:
        same = np.asarray(one == other)
    return np.asarray(same.reshape(rows, -1).all(axis=1))


def _drift(sent: Arrays, copied: Arrays) -> Moments:
    one, other = scores_of(sent), scores_of(copied)
    if one is None or other is None:
        return Moments()
    drift = other.astype(np.float64) - one.astype(np.float64)
    finite = drift[np.isfinite(drift)]
    return Moments(int(finite.size), float(finite.sum()), float((finite * finite).sum()))
