"""Plain columns of a request, held against what every model takes: values, or lists of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from taxiway.access.refusal import Code, Refusal
from taxiway.terminal import one_line

_PLAIN: Final[frozenset[type]] = frozenset({str, int, float, bool, type(None)})
_TAKEN: Final[frozenset[type]] = _PLAIN | {list}


def checked(columns: Mapping[str, list[Any]], most_rows: int) -> int:
    """The number of rows.

    Args:
      columns: lists by name.
      most_rows: that one request may have.

    Raises:
      Refusal: INVALID, no columns, of different lengths, without a row, or with a value that is
        neither plain nor a list of plain ones; TOO_LARGE.
    """
    if not columns:
        raise Refusal(Code.INVALID, "received no columns; expected at least one")
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        told = {one_line(name[:80]): len(columns[name]) for name in list(columns)[:8]}
        raise Refusal(Code.INVALID, f"received columns of different lengths: {told}")
    (rows,) = lengths
    check_rows(rows, most_rows)
    for name, values in columns.items():
        if not _TAKEN.issuperset(map(type, values)):
            raise _refused(name, values, _TAKEN)
        for value in values:
            if type(value) is list and not _PLAIN.issuperset(map(type, value)):
                raise _refused(name, value, _PLAIN)
    return rows


def check_rows(rows: int, most: int) -> None:
    """Refuses a request without rows, or with too many.

    Raises:
      Refusal: INVALID or TOO_LARGE.
    """
    if not rows:
        raise Refusal(Code.INVALID, "received no rows; expected at least one")
    if rows > most:
        raise Refusal(
            Code.TOO_LARGE,
            f"received {rows:,} rows; serving.limits.rows takes at most {most:,} in one request",
        )


def plain_text(value: Any) -> str:
    """The one text of a value, whichever type it came in: 7, 7.0 and "7" are the same key."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _refused(name: str, values: list[Any], taken: frozenset[type]) -> Refusal:
    other = next(type(value).__name__ for value in values if type(value) not in taken)
    kind = {"dict": "an object", "list": "a list of lists"}.get(other, f"a {other}")
    return Refusal(
        Code.INVALID,
        f"column '{one_line(name[:80])}': received {kind}; expected a string, a number, a boolean, "
        "null, or a list of these",
    )
