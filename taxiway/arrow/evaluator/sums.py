"""Sums of measures for each slice and cell: what a shard gives, and what adds up over shards."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from taxiway.arrow.evaluator.measures import Measure
from taxiway.arrow.evaluator.pairing import Array, Rows
from taxiway.arrow.evaluator.slices import Members, SliceKey

PENDING: Final = 1 << 22
"""Numbers that wait before they are added up: 32 MB."""


@dataclass(frozen=True)
class CellSums:
    """A measure's sums in one slice; cells that are not there are zero."""

    cells: Array
    """[n], rising."""
    values: Array
    """[n, width]."""


@dataclass
class _Sparse:
    """Sums by key (slice times cells plus cell), added up when enough of them wait."""

    columns: int
    keys: list[Array] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)
    waiting: int = 0
    settled: int = 0

    def add(self, keys: Array, values: Array) -> None:
        keys, values = _grouped(keys, values)
        self.keys.append(keys)
        self.values.append(values)
        self.waiting += values.size
        # Twice what is settled, or sums of many slices would be copied for every batch.
        if self.waiting > max(PENDING, self.settled):
            self.settle()

    def settle(self) -> tuple[Array, Array]:
        if len(self.keys) != 1:
            none = [np.zeros(0, np.int64)], [np.zeros((0, self.columns))]
            keys = np.concatenate(self.keys or none[0])
            values = np.concatenate(self.values or none[1])
            keys, values = _grouped(keys, values)
            self.keys, self.values = [keys], [values]
        self.waiting, self.settled = 0, self.values[0].size
        return self.keys[0], self.values[0]


class Sums:
    """Sums of all measures over rows, in every slice.

    Args:
      measures: what is summed.
      replicates: of the bootstrap; each has sums of its own beside those of the rows as they are.
    """

    def __init__(self, measures: Sequence[Measure], replicates: int = 0) -> None:
        self._measures = measures
        self._copies = 1 + replicates
        self._slices: dict[SliceKey, int] = {}
        self._sparse = [_Sparse(measure.width * self._copies) for measure in measures]

    @property
    def slices(self) -> Sequence[SliceKey]:
        """Every slice that has a row."""
        return list(self._slices)

    def add(self, rows: Rows, members: Members, draws: Array | None = None) -> None:
        """Adds a batch.

        Args:
          rows: the batch.
          members: the slices its rows are in.
          draws: [N, replicates], how often each row is in each replicate.
        """
        known = self._known(members.keys)
        slices = known[members.slices]
        copies = np.ones((rows.count, 1))
        if draws is not None:
            copies = np.concatenate([copies, draws], axis=1)
        for measure, sparse in zip(self._measures, self._sparse, strict=True):
            terms = measure.terms(rows)
            values = np.stack(terms.values, axis=2)
            if terms.cells is None:
                keys, per_row = slices, values.sum(axis=1)[members.rows]
                drawn = copies[members.rows]
            else:
                keys = slices[:, np.newaxis] * measure.cells + terms.cells[members.rows]
                per_row = values[members.rows].reshape(-1, measure.width)
                drawn = np.repeat(copies[members.rows], values.shape[1], axis=0)
            weighed = per_row[:, :, np.newaxis] * drawn[:, np.newaxis, :]
            sparse.add(keys.reshape(-1), weighed.reshape(len(per_row), sparse.columns))

    def of(self, measure: Measure, replicate: int = -1) -> Mapping[SliceKey, CellSums]:
        """A measure's sums by slice; of the rows as they are, or of one replicate."""
        at = self._measures.index(measure)
        keys, values = self._sparse[at].settle()
        values = values.reshape(len(keys), measure.width, self._copies)[:, :, replicate + 1]
        slices, cells = np.divmod(keys, measure.cells)
        ends = np.searchsorted(slices, np.arange(len(self._slices) + 1))
        return {
            key: CellSums(cells[ends[i] : ends[i + 1]], values[ends[i] : ends[i + 1]])
            for key, i in self._slices.items()
        }

    def merge(self, other: Sums) -> None:
        """Adds what another has summed of the same measures."""
        known = self._known(other.slices)
        for measure, mine, theirs in zip(self._measures, self._sparse, other._sparse, strict=True):
            keys, values = theirs.settle()
            slices, cells = np.divmod(keys, measure.cells)
            mine.add(known[slices] * measure.cells + cells, values)

    def to_bytes(self) -> bytes:
        """As `from_bytes` reads it."""
        arrays = {}
        for index, sparse in enumerate(self._sparse):
            arrays[f"keys{index}"], arrays[f"values{index}"] = sparse.settle()
        names = json.dumps(list(self._slices)).encode()
        target = io.BytesIO()
        np.savez(target, slices=np.frombuffer(names, np.uint8), **arrays)
        return target.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, measures: Sequence[Measure], replicates: int = 0) -> Sums:
        """What `to_bytes` gave for the same measures and replicates."""
        sums = cls(measures, replicates)
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            for key in json.loads(arrays["slices"].tobytes()):
                sums._slices[_tupled(key)] = len(sums._slices)
            for index, sparse in enumerate(sums._sparse):
                sparse.add(arrays[f"keys{index}"], arrays[f"values{index}"])
        return sums

    def _known(self, keys: Iterable[SliceKey]) -> Array:
        """Our indices of slices; one that is new gets the next."""
        return np.array([self._slices.setdefault(k, len(self._slices)) for k in keys], np.int64)


def merged(parts: Sequence[bytes], measures: Sequence[Measure], replicates: int = 0) -> bytes:
    """The sums of several shards, added in their order."""
    whole = Sums(measures, replicates)
    for part in parts:
        whole.merge(Sums.from_bytes(part, measures, replicates))
    return whole.to_bytes()


def _grouped(keys: Array, values: Array) -> tuple[Array, Array]:
    """Sums of the rows of `values` that have the same key; keys rise."""
    if not len(keys):
        return keys, values
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    # -inf, which top_k gives to what is not among the top, may meet a weight of 0
    with np.errstate(invalid="ignore"):
        return keys[starts], np.add.reduceat(values[order], starts, axis=0)


def _tupled(key: list[list[str | int | float]]) -> SliceKey:
    return tuple((str(column), value) for column, value in key)
