"""Some rows of a split as columns of numbers and texts, with labels and weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from taxiway.modeling.example_files import files_in, first_examples
from taxiway.modeling.spec import Binary, FeatureSpec, Regression

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Columns:
    """Rows that have a label."""

    labels: Array
    """Of a Binary true or false, of a Regression numbers, of a MultiClass texts."""
    weights: Array
    numbers: dict[str, Array]
    """NaN where a row has none."""
    texts: dict[str, Any]
    """Arrow arrays; null where a row has none."""

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.labels)

    def counted(self, name: str) -> list[tuple[str, int]]:
        """The values of a column of texts, the commonest first."""
        found = [
            (one["values"], one["counts"])
            for one in pc.value_counts(self.texts[name]).to_pylist()
            if one["values"] is not None
        ]
        return sorted(found, key=lambda one: (-one[1], one[0]))

    def one_hot(self, name: str, values: Sequence[str]) -> list[Array]:
        """A column of 0 and 1 for each value."""
        places = pc.index_in(self.texts[name], value_set=pa.array(values, pa.string()))
        at = places.fill_null(-1).to_numpy(zero_copy_only=False)
        return [(at == number).astype(np.float64) for number in range(len(values))]


def read_columns(examples_uri: str, split: str, spec: FeatureSpec, rows: int) -> Columns:
    """At most so many rows of a split, as many of each of its files as of any other.

    Args:
      examples_uri: of an Examples artifact.
      split: its name.
      spec: which columns there are; lists of values are left out.
      rows: at most.
    """
    wanted = [one for one in spec.inputs() if one not in spec.lists()]
    extra = [one for one in (spec.label, spec.weight) if one]
    table = _table(f"{examples_uri}/Split-{split}", [*wanted, *extra], rows)
    labels = table.get(spec.label)
    if labels is None:
        return Columns(np.zeros(0), np.zeros(0), {}, {})
    known = pc.is_valid(labels)
    kept = {name: column.filter(known) for name, column in table.items()}
    weights = kept.get(spec.weight)
    return Columns(
        labels=_labels(kept[spec.label], spec),
        weights=np.ones(len(kept[spec.label]))
        if weights is None
        else np.nan_to_num(_numbers(weights)),
        numbers={
            name: _numbers(kept[name]) for name in wanted if name in kept and _is_number(kept[name])
        },
        texts={name: _texts(kept[name]) for name in wanted if name in kept},
    )


def _table(split_uri: str, names: Sequence[str], rows: int) -> dict[str, Any]:
    """The first value of each row, by column, as one array."""
    from tfx_bsl.coders import example_coder

    records = first_examples(files_in(split_uri), rows)
    if not records:
        return {}
    batch = example_coder.ExamplesToRecordBatchDecoder().DecodeBatch(records)
    known = {name: batch.schema.get_field_index(name) for name in names}
    found = {name: _first(batch.column(at)) for name, at in known.items() if at >= 0}
    return {name: one for name, one in found.items() if not pa.types.is_null(one.type)}


def _first(column: Any) -> Any:
    """Of a column of lists the first value of each, null where there is none."""
    if pa.types.is_null(column.type):
        return column
    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    starts = np.cumsum(lengths) - lengths
    return column.flatten().take(pa.array(starts.astype(np.int64), mask=lengths == 0))


def _is_number(column: Any) -> bool:
    return bool(pa.types.is_integer(column.type) or pa.types.is_floating(column.type))


def _numbers(column: Any) -> Array:
    made: Array = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return made


def _texts(column: Any) -> Any:
    """Bytes that are no UTF-8 are as if missing."""
    if _is_number(column):
        return column.cast(pa.string())
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array(
            [one.as_py().decode("utf-8", "replace") if one.is_valid else None for one in column]
        )


def _labels(column: Any, spec: FeatureSpec) -> Array:
    task = spec.task
    if isinstance(task, Regression):
        return _numbers(column)
    if isinstance(task, Binary):
        if task.positive is None:
            return np.asarray(_numbers(column) > 0.5)
        if _is_number(column):
            return np.asarray(_numbers(column) == float(task.positive))
        return np.array(pc.equal(_texts(column), str(task.positive)).to_pylist(), dtype=bool)
    return np.array(_texts(column).to_pylist(), dtype=object)
