"""How values are written on pages, and addresses here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

NOTHING: Final = "-"
"""Of a cell."""


def link(*parts: str, **parameters: Any) -> str:
    """An address here: parts of the path, and what is given of the parameters."""
    path = "/" + "/".join(quote(part, safe="") for part in parts)
    given = {name: value for name, value in parameters.items() if value not in ("", None, 0)}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def sorted_by(key: str, query: Mapping[str, str]) -> str:
    """The same list in another order, from its first page on."""
    kept = {name: query[name] for name in ("q", "columns", "limit") if query.get(name)}
    return "?" + urlencode({**kept, "sort": key})


def field(row: Mapping[str, Any], name: str) -> Any:
    """A field of a row, `metrics.auc` within `metrics`; None where it is missing."""
    head, dot, rest = name.partition(".")
    found = row.get(head)
    if not dot:
        return found
    return found.get(rest) if isinstance(found, Mapping) else None


def number(value: Any) -> str:
    """Four decimals; whole numbers as such."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:,.4f}" if isinstance(value, float) else cell(value)


def when(value: str | None) -> str:
    """`2026-03-01 12:00`, of a time as the registry writes it."""
    return (value or "")[:16].replace("T", " ") or NOTHING


def cell(value: Any) -> str:
    """Any value of a field."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Mapping):
        return as_text(value)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def moved(value: float | None, better: str) -> str:
    """Of a metric, and whether it is for the better.

    Args:
      value: against the first run; None where it is not known.
      better: the way in which the metric is better: higher, lower, or another or none.
    """
    if not value:
        return NOTHING if value is None else "0"
    way = {"higher": value > 0, "lower": value < 0}.get(better)
    word = "" if way is None else " better" if way else " worse"
    return f"{value:+,.2g}{word}"


def as_text(value: Any) -> str:
    """Plain values on one line."""
    return json.dumps(value, ensure_ascii=False)


GLOBALS: Final[dict[str, Callable[..., Any]]] = {
    "as_text": as_text,
    "moved": moved,
    "field": field,
    "link": link,
    "sorted_by": sorted_by,
}
FILTERS: Final[dict[str, Callable[..., str]]] = {"cell": cell, "number": number, "when": when}
"""What templates may use."""
