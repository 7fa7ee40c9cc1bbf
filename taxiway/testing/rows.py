"""Raw rows as tests make them: from tf.Examples and to them, and values that no one would send."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from taxiway.modeling.spec import FeatureSpec

Row = dict[str, list[Any]]
"""Values by column; a column that is absent or empty has none."""
Kinds = Mapping[str, str]
"""INT, FLOAT or BYTES by column, see `taxiway.modeling.spec.schema.feature_kinds`."""

FIELDS: Final = {"INT": "int64_list", "FLOAT": "float_list", "BYTES": "bytes_list"}

ODD: Final[Mapping[str, tuple[Any, ...]]] = {
    "INT": (0, -1, 2**31, 2**62, -(2**62)),
    "FLOAT": (0.0, -0.0, 1e-45, 3.4e38, -3.4e38, math.inf, -math.inf, math.nan),
    "BYTES": (b"", b" ", b"never seen", "東京".encode(), b"\xff\x00", b"x" * 1000),
}
"""By kind: empty, extreme, unseen, not ASCII, no UTF-8."""


def as_row(example: bytes) -> Row:
    """The row of a serialized tf.Example, without the columns that have no value."""
    from tensorflow.core.example import example_pb2

    row = {}
    for name, feature in example_pb2.Example.FromString(example).features.feature.items():
        kind = feature.WhichOneof("kind")
        if values := list(getattr(feature, kind).value) if kind else []:
            row[name] = values
    return row


def as_example(row: Row, kinds: Kinds) -> bytes:
    """A row as the tf.Example that ArrowExampleGen writes."""
    from tensorflow.core.example import example_pb2

    example = example_pb2.Example()
    for name, values in row.items():
        getattr(example.features.feature[name], FIELDS[kinds[name]]).value.extend(values)
    return bytes(example.SerializeToString())


def with_odd_values(
    row: Row, spec: FeatureSpec, kinds: Kinds, columns: Iterable[str] = ()
) -> list[Row]:
    """The row with each column missing once, once an empty list, and once each odd value of it.

    Args:
      row: any.
      spec: of the model.
      kinds: of its columns.
      columns: that become odd; without any, all inputs of the model.
    """
    odd: list[Row] = [{}]
    for name in columns or spec.inputs():
        if name in spec.lists():
            odd.append({**row, name: list(ODD[kinds[name]])})
        odd.append({key: values for key, values in row.items() if key != name})
        odd.extend({**row, name: values} for values in ([], *([one] for one in ODD[kinds[name]])))
    return odd


def as_columns(rows: Sequence[Row], spec: FeatureSpec) -> dict[str, list[Any]]:
    """Rows as a request in JSON has them: text, numbers, lists, None where a value is missing."""
    found: dict[str, list[Any]] = {}
    for name in spec.inputs():
        values = [[_plain(one) for one in row.get(name, [])] for row in rows]
        is_list = name in spec.lists()
        found[name] = values if is_list else [one[0] if one else None for one in values]
    return found


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
