"""The role of every column, with the reason: a table of rules, the first that applies decides."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from taxiway.scaffold.model.columns.profile import Profile
from taxiway.scaffold.model.plan.names import is_code_name, is_key_name

FEW_VALUES: Final = 20
"""Words up to so many different ones are a category, however few rows there are."""
MANY_VALUES: Final = 50
"""A category with more is embedded, not one-hot."""
MOST_VALUES: Final = 1_000
"""Of a vocabulary; rarer values share a bucket."""
NEAR_UNIQUE: Final = 0.5
"""Different values for each row from which on words tell nothing about other rows."""
TEXT_WORDS: Final = 2.5
"""Words in a cell from which on it is text and not a name."""
FEW_INTEGERS: Final = 100
ROWS_EACH: Final = 3
"""Rows for each different number of a code, on average, from which on it tells about other rows."""
INDICATOR: Final = 0.01
"""Share of missing cells from which on a number says by a column of its own that it is missing."""
LONG_TAIL: Final = 10.0
"""Times that the largest value is further from the median than the third quartile is."""


@dataclass(frozen=True)
class Call:
    """A call in features.py: a class of taxiway.modeling.spec, and its arguments as Python."""

    head: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Role:
    """What features.py says of a column."""

    column: Profile
    call: Call
    reason: str
    is_category: bool = False


@dataclass(frozen=True)
class LeftOut:
    """A column that the model does not learn from."""

    column: Profile
    reason: str
    in_data: bool = True
    """Whether the pipeline's reader can read past it; else it is left out of the copy too."""


@dataclass(frozen=True)
class Rule:
    """One row of the table."""

    applies: Callable[[Profile], bool]
    call: Callable[[Profile], Call] | None
    """None leaves the column out."""
    reason: Callable[[Profile], str]
    is_category: bool = False


def quoted(value: Any) -> str:
    """A value as Python has it, in double quotes as the formatter wants."""
    if not isinstance(value, str):
        return repr(value)
    if value.isprintable():
        quote = "'" if value.count('"') > value.count("'") else '"'
        return quote + value.replace("\\", "\\\\").replace(quote, f"\\{quote}") + quote
    return json.dumps(value)


def role_of(column: Profile) -> Role | LeftOut:
    """The role of a column that is neither label, nor key, nor weight."""
    rule = next(rule for rule in RULES if rule.applies(column))
    reason = rule.reason(column)
    if rule.call is None:
        return LeftOut(column, reason, column.what != "other")
    return Role(column, rule.call(column), reason, rule.is_category)


def amount(value: float) -> str:
    """A number for a reader: not more digits than tell something."""
    is_long = 1_000 <= abs(value) < 1e9
    return f"{value:.0f}" if is_long else f"{value:.4g}"


def _missing(column: Profile) -> str:
    if not column.missing:
        return ""
    share = max(100 * column.missing / column.rows, 0.1)
    return f", {share:.1f}% missing" if share < 10 else f", {share:.0f}% missing"


def _range(column: Profile) -> str:
    if not column.quantiles:
        return ""
    low, median, high = column.quantiles[0], column.quantiles[2], column.quantiles[-1]
    return f"{amount(low)} to {amount(high)}, median {amount(median)}{_missing(column)}"


def _few(column: Profile) -> str:
    shown = ", ".join(str(value)[:20] for value, _ in column.common[:3])
    more = ", ..." if column.distinct > 3 else ""
    return f"{column.distinct} values ({shown}{more}){_missing(column)}"


def _vocabulary(column: Profile) -> int:
    if column.distinct <= FEW_VALUES:
        return column.distinct
    return min(MOST_VALUES, -(-column.distinct * 11 // 100) * 10)  # a tenth more, in tens


def _categorical(column: Profile) -> Call:
    embedded = ['encoding="embedding"'] if column.distinct > MANY_VALUES else []
    vocabulary = f"max_vocabulary={_vocabulary(column)}"
    return Call("Categorical", (quoted(column.name), vocabulary, *embedded))


def _numeric(column: Profile) -> Call:
    indicator = ["indicator=True"] if column.missing > INDICATOR * column.rows else []
    scale = ['scale="log"'] if _has_long_tail(column) else []
    return Call("Numeric", (quoted(column.name), *scale, *indicator))


def _has_long_tail(column: Profile) -> bool:
    """Amounts and counts, a few of which are far larger than most."""
    low, _, median, third, high = column.quantiles
    return low >= 0 and high - median > LONG_TAIL * max(third - median, 1e-9) and high > 10


def _timestamp(column: Profile) -> Call:
    """Days have no hour."""
    has_hours = any(":" in str(value) for value, _ in column.common)
    parts = [] if has_hours else ['parts=("weekday", "month")']
    return Call("Timestamp", (quoted(column.name), *parts))


def _multivalent(column: Profile) -> Call:
    vocabulary = f"max_vocabulary={min(max(column.tokens, 1), MOST_VALUES)}"
    separator = [f"separator={quoted(column.separator)}"] if column.separator else []
    return Call("Multivalent", (quoted(column.name), vocabulary, *separator))


def _text(column: Profile) -> Call:
    return Call("Text", (quoted(column.name),))


def _is_id(column: Profile) -> bool:
    if column.what == "int":
        is_named = is_key_name(column.name)
        return column.is_rising or (is_named and column.distinct > column.rows / ROWS_EACH)
    is_short = column.words_each < TEXT_WORDS
    return column.what == "text" and is_short and column.is_unique and column.rows > FEW_VALUES


def _names_rows(column: Profile) -> str:
    if column.is_unique:
        return "another value in each row: it names rows, and tells nothing of others"
    return f"{column.distinct} values in {column.rows - column.missing} rows: it names rows"


def _is_near_unique(column: Profile) -> bool:
    known = column.rows - column.missing
    is_many = column.distinct > max(NEAR_UNIQUE * known, FEW_VALUES)
    return column.what == "text" and is_many and column.words_each < TEXT_WORDS


def _is_free_text(column: Profile) -> bool:
    known = column.rows - column.missing
    is_many = column.distinct > max(0.2 * known, FEW_VALUES)
    return column.what == "text" and is_many and column.words_each >= TEXT_WORDS


def _is_integer_code(column: Profile) -> bool:
    """Whole numbers that are names."""
    if column.what != "int" or column.distinct < 3:
        return False
    if is_key_name(column.name):
        return column.distinct <= column.rows / ROWS_EACH
    return column.distinct <= min(FEW_INTEGERS, column.rows / 10) and is_code_name(column.name)


RULES: Final = (
    Rule(lambda column: column.what == "empty", None, lambda _: "no row has a value"),
    Rule(
        lambda column: column.what == "list" or bool(column.separator),
        _multivalent,
        lambda column: f"lists of {column.tokens} values{_missing(column)}",
    ),
    Rule(
        lambda column: column.what == "other",
        None,
        lambda column: f"{column.type_found} is no type that a tf.Example has",
    ),
    Rule(
        lambda column: column.distinct < 2,
        None,
        lambda column: f"{column.common[0][0]!r} in every row that has a value",
    ),
    Rule(_is_id, None, _names_rows),
    Rule(
        lambda column: column.what == "date",
        _timestamp,
        lambda column: f"moments, as {str(column.common[0][0])[:25]}{_missing(column)}",
    ),
    Rule(
        _is_free_text,
        _text,
        lambda column: f"free text, {column.words_each:.0f} words each{_missing(column)}",
    ),
    Rule(
        _is_near_unique,
        None,
        lambda column: (
            f"{column.distinct} values in {column.rows - column.missing} rows: they hardly repeat"
        ),
    ),
    Rule(
        _is_integer_code,
        _categorical,
        lambda column: f"numbers that are names: {_few(column)}",
        is_category=True,
    ),
    Rule(lambda column: column.is_number, _numeric, _range),
    Rule(lambda _: True, _categorical, _few, is_category=True),
)
