"""What a request says of itself: its headers, its cookies, and the columns of its first row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from taxiway.delivery.section import Key
from taxiway.registry.routes.route import Condition
from taxiway.serving.requests.ask import Ask
from taxiway.serving.requests.columns import plain_text
from taxiway.serving.requests.parsed_examples import NoExampleError, row_of

_COOKIE: Final = b"cookie"


def header(ask: Ask, name: str) -> str:
    """The value of a header, or of gRPC's metadata; empty where there is none.

    Args:
      ask: the request.
      name: in lower case.
    """
    return ask.headers.get(name.encode(), b"").decode(errors="replace")


def cookie(ask: Ask, name: str) -> str:
    """The value of a cookie as it came; empty where there is none. Of several the first counts."""
    sent, wanted = ask.headers.get(_COOKIE, b""), name.encode()
    if wanted not in sent:  # as nearly always: the rest is not looked at
        return ""
    for pair in sent.split(b";"):
        found, is_pair, value = pair.partition(b"=")
        if is_pair and found.strip() == wanted:
            return value.strip().strip(b'"').decode(errors="replace")
    return ""


def first_row(ask: Ask) -> Mapping[str, Any]:
    """The columns of its first row; those of a tf.Example, which is read for it, also.

    Empty where that is no tf.Example.
    """
    if ask.columns is not None:
        return {name: values[0] for name, values in ask.columns.items() if values}
    try:
        return row_of(ask.examples[0]) if ask.examples else {}
    except NoExampleError:
        return {}


def column(ask: Ask, name: str) -> Any:
    """A column of its first row; None where it is missing."""
    if ask.columns is None:
        return first_row(ask).get(name)
    values = ask.columns.get(name)
    return values[0] if values else None


def key_of(ask: Ask, key: Key) -> str:
    """Whose a request is, by the config's `delivery.key`; empty where it does not say."""
    if key.kind == "header":
        return header(ask, key.name.lower())
    if key.kind == "cookie":
        return cookie(ask, key.name)
    value = column(ask, key.name)
    return "" if value is None else plain_text(value)


def meets(ask: Ask, conditions: tuple[Condition, ...]) -> bool:
    """Whether a request is of an audience: all of its conditions hold."""
    row: Mapping[str, Any] | None = None
    for one in conditions:
        if one.source == "column":
            row = first_row(ask) if row is None else row
            if not _texts(row.get(one.name)).intersection(one.values):
                return False
            continue
        value = header(ask, one.name) if one.source == "header" else cookie(ask, one.name)
        if value not in one.values:
            return False
    return True


def _texts(value: Any) -> set[str]:
    """A cell as conditions are written: 7, 7.0 and "7" are the same; of a list, each value."""
    if value is None:
        return set()
    if isinstance(value, list):
        return {text for one in value for text in _texts(one)}
    return {str(value).lower() if isinstance(value, bool) else plain_text(value)}
