"""mock.py: what each column is like, so that rows can be made up that lie where real ones do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from taxiway.scaffold.model.columns.profile import Profile
from taxiway.scaffold.model.plan.plan import Plan
from taxiway.scaffold.model.plan.roles import quoted
from taxiway.scaffold.model.writing.python import WIDTH, call, width

SHOWN_VALUES: Final = 8
FEW_VALUES: Final = 20
DIGITS: Final = 6
WORDS: Final = ("good", "bad", "new", "old", "fast", "slow", "small", "large")


def mock_lines(plan: Plan, columns: Sequence[Profile]) -> tuple[list[str], list[str]]:
    """The lines of the table in mock.py, and the classes that they use."""
    lines, used = [], []
    for column in columns:
        if plan.derive and column.name == plan.label.column.name:
            continue  # files do not have it
        head, arguments = _values(plan, column)
        if column.missing and column.name != plan.label.column.name and head != "Keys":
            arguments = [*arguments, f"missing={_share(column)}"]
        used.append(head)
        lines += call(f"{quoted(column.name)}: {head}", arguments, 4)
    return lines, sorted(set(used))


def _share(column: Profile) -> str:
    return f"{max(round(1 - column.share, 3), 0.001):g}" if column.share else "1.0"


def _values(plan: Plan, column: Profile) -> tuple[str, list[str]]:
    """The class that draws a column's values, and its arguments."""
    kind = plan.kind_of(column)
    if plan.key is not None and column.name == plan.key.name:
        return "Keys", []
    is_left_out = column.name in {one.column.name for one in plan.left_out}
    if kind == "BYTES" and is_left_out and column.distinct > FEW_VALUES:
        return "Keys", []  # names of rows, which are no one's business here
    categories = {one.column.name for one in plan.roles if one.is_category}
    if plan.label.task != "regression":
        categories.add(plan.label.column.name)
    is_classes = column.name in categories
    if kind != "BYTES" and not (is_classes or column.what == "bool") and column.quantiles:
        whole = ["whole=True"] if kind == "INT" else []
        return "Numbers", [_tuple([_number(one, kind) for one in column.quantiles]), *whole]
    if column.tokens:
        return "Lists", _lists(column)
    if column.what == "date" and column.common:
        moments = sorted(str(value) for value, _ in column.common)
        return "Moments", [quoted(moments[0]), quoted(moments[-1])]
    if column.what == "text" and column.words_each >= 2.5 and not is_classes:
        return "Texts", [_tuple([quoted(word) for word in _words(column)])]
    if not column.common:
        return "Choices", [_tuple([quoted("")])]
    values = [value for value, _ in column.common[:SHOWN_VALUES]]
    if kind == "INT" and column.what == "bool":
        values = [0, 1]
    if kind == "BYTES":
        values = [str(value) for value in values]
    if column.name == plan.label.column.name:
        values = sorted(values)
    return "Choices", [_tuple(_fitting(column.name, values))]


def _lists(column: Profile) -> list[str]:
    if not column.separator:
        values = [quoted(value) for value, _ in column.common[:SHOWN_VALUES] if value is not None]
        return [_tuple(values)]
    tokens = dict.fromkeys(
        token.strip() for value, _ in column.common for token in value.split(column.separator)
    )
    values = [token for token in tokens if token][:SHOWN_VALUES]
    return [_tuple(_fitting(column.name, values)), f"separator={quoted(column.separator)}"]


def _words(column: Profile) -> Sequence[str]:
    """Some of the words of its texts, and never whole ones."""
    seen = dict.fromkeys(word for value, _ in column.common[:20] for word in str(value).split())
    plain = [word for word in seen if word.isalnum() and len(word) < 15]
    return [*plain, *WORDS][: len(WORDS)]


def _fitting(name: str, values: Sequence[Any]) -> Sequence[str]:
    """As many of them as fit on a line, two at least."""
    kept = [quoted(value) for value in values]
    while (
        len(kept) > 2 and width(f"    {quoted(name)}: Choices(({', '.join(kept)}), ") > WIDTH - 20
    ):
        kept.pop()
    return kept


def _number(value: float, kind: str) -> str:
    return str(round(value)) if kind == "INT" else repr(float(f"{value:.{DIGITS}g}"))


def _tuple(items: Sequence[str]) -> str:
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
