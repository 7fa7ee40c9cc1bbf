"""The filter language: what it means, in a table and in laws, and what it says of mistakes."""

from __future__ import annotations

import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxiway.errors import ConfigError
from taxiway.registry.search.comparison import ORDERS, Value
from taxiway.registry.search.filter import LONGEST, parse

FIELDS: Final[dict[str, Value]] = {
    "model": "flights",
    "version": "1.10.0",
    "state": "approved",
    "archived": False,
    "alias": ["champion", "Nightly"],
    "created_at": "2026-03-01T12:30:15.250000Z",
    "metrics.auc": 0.75,
    "metrics.rows": 1200,
    "metrics.lost": float("nan"),
    "tags.owner": "Ann",
    "tags.build": "007",
    "tags.a b": "x",
    "tags.city": "Zürich",
    "tags.empty": "",
    "gone": None,
}
TEXT: Final = "flights/1.10.0\nfails in strong wind gust\nzürich\nstraße"
TRUE: Final = (
    "",
    "   ",
    "wind",
    "WIND",
    "gust wind",
    '"wind gust"',
    "'strong  wind'",
    "Zürich",
    "Zu\u0308rich",  # the same in two characters
    "STRASSE or zürich",
    "metrics.auc > 0.7",
    "metrics.auc>=.75 and metrics.auc<=7.5e-1",
    "metrics.auc = 0.750",
    "metrics.rows ~ 120",
    "METRICS.AUC < 1",
    "metrics.lost != 0",
    "not metrics.lost > 0 and not metrics.lost <= 0",
    "state = Approved",
    "state == approved",
    "state ~ prov and state !~ pend",
    "archived = false and archived != true",
    "alias = champion and alias = nightly and alias ~ champ",
    "not alias = candidate",
    "alias != candidate",
    "version > 1.9.0 and version < 1.10.1 and version = 1.10.0",
    "tags.owner = ann and tags.owner > aaron",
    "tags.build = 7 and tags.build < 8",
    "tags.build = '007' and not tags.build = '7'",
    'tags."a b" = x and "tags.a b" = \'x\'',
    "tags.city = ZÜRICH",
    "tags.empty = '' and tags.empty ~ ''",
    "not tags.none ~ ''",
    "tags.none != x and tags.none !~ x and gone != 1",
    "created_at = 2026 and created_at = 2026-03 and created_at = 2026-03-01",
    "created_at = 2026-03-01T12:30 and created_at = 2026-03-01T12:30:15Z",
    "created_at > 2026-02 and created_at < 2026-04 and created_at >= 2026-03-01",
    "created_at <= 2026-03 and not created_at < 2026-03 and not created_at > 2026-03-01",
    "created_at >= 2026-03-01T14:30+02:00 and created_at < 2026-03-01T14:31+0200",
    "created_at > 2026-03-01T12:30:15.2Z and created_at = '2026-03-01 12:30'",
    "missing = 1 or wind",
    "nothing or wind and gust",
    "not (nothing or missing = 1)",
    "not not wind",
    "wind AND NOT nothing OR nothing",
    "(wind)(gust)",
    "wind and(gust)",
    '"and" or wind',
    r""""say \"wind\"" or tags.owner = "A\nn" or wind""",
)
FALSE: Final = (
    "nothing",
    '"gust wind"',
    "flights fails-not",
    "metrics.auc > 0.75",
    "metrics.auc = high",
    "metrics.auc > high",
    "metrics.lost > 0 or metrics.lost = nan",
    "missing = 1 or missing > 1 or missing < 1 or missing ~ ''",
    "gone = ''",
    "version < 1.9.0",
    "wind and (nothing or missing = 1)",
    "nothing and nothing or nothing",
    "not wind or nothing",
    "created_at > 2026 or created_at < 2026-03-01T12:30",
    "tags.owner = an",
    "archived = true",
    "'and'",
    "orchid",
    "notable",
)
MISTAKES: Final = (
    ("metrics.auc >", 14, "expected a word or a quoted text, found the end"),
    ("metrics.auc > and x", 15, "expected a word or a quoted text, found 'and'"),
    ("(a or b", 8, "expected ')', found the end"),
    ("a) b", 2, "expected the end, found ')'"),
    ("= 3", 1, "expected a word, a quoted text, a field, '(', not or the end, found '='"),
    ("a = b = c", 7, "found '='"),
    ("a or", 5, "expected a word, a quoted text, a field, '(' or not, found the end"),
    ("a and or b", 7, "found 'or'"),
    ("()", 2, "found ')'"),
    ("x 'abc", 3, "the quote ' is not closed"),
    ('x "abc\\"', 3, 'the quote " is not closed'),
    ("a ! b", 3, "! alone is no operator"),
    ("a = 2026-02-30", 5, "'2026-02-30' is no date"),
    ("a > 2026-03-01T25:00", 5, "'2026-03-01T25:00' is no date"),
    ("a && b", 3, "write and for &&"),
    ("a || b", 3, "write or for ||"),
    ("a\x1b[31m = (", 10, "found '('"),
)


@pytest.mark.parametrize("text", TRUE)
def test_it_is_satisfied(text: str) -> None:
    assert parse(text).matches(FIELDS, TEXT)


@pytest.mark.parametrize("text", FALSE)
def test_it_is_not_satisfied(text: str) -> None:
    assert not parse(text).matches(FIELDS, TEXT)


@pytest.mark.parametrize(("text", "place", "told"), MISTAKES)
def test_a_mistake_is_told_with_its_place_and_what_was_expected(
    text: str, place: int, told: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    first, shown, mark = refused.value.message.splitlines()
    assert f"at character {place}: " in first
    assert told in first
    assert "\x1b" not in shown
    assert mark.index("^") - len("  ") == place - 1


def test_a_field_that_nothing_can_have_is_told_with_a_near_one() -> None:
    known = ("model", "state", "metrics.")
    parse("model = x and STATE = y and Metrics.AUC > 1 and metrics.a.b > 2 and a").check(known)
    for text, place, hint in (
        ("model = x and metric.auc > 1", 15, "did you mean 'metrics'?"),
        ("stat = x", 1, "did you mean 'state'?"),
        ("metrics > 1", 1, "no field 'metrics'"),
        ("model.x = 1", 1, "no field 'model.x'"),
    ):
        with pytest.raises(ConfigError) as refused:
            parse(text).check(known)
        assert f"at character {place}: " in refused.value.message
        assert hint in refused.value.message


def test_it_names_the_fields_that_it_asks_for() -> None:
    wanted = parse("b = 1 or (not a.x > 2 and b != 3) word")
    assert wanted.fields == ["b", "a.x"]
    assert wanted.words
    assert not parse("a = 1").words


def test_a_filter_is_bounded_and_one_at_the_bound_is_answered() -> None:
    deep = "not " * ((LONGEST - 1) // 4) + "x"
    assert parse(deep).matches({}, "x") == (deep.count("not") % 2 == 0)
    levels = LONGEST // len("not()") - 1
    nested = "not(" * levels + "x" + ")" * levels
    assert parse(nested).matches({}, "x") == (levels % 2 == 0)
    with pytest.raises(ConfigError, match="1,000 characters"):
        parse("x" * (LONGEST + 1))


NAMES = st.sampled_from([*FIELDS, "missing", "metrics.other"])
VALUES = st.sampled_from(
    ["0.75", "7", "approved", "1.9.0", "2026-03", "", "ann", "x y", "1e3", "champion"]
)
COMPARISONS = st.builds(
    '"{}" {} "{}"'.format, NAMES, st.sampled_from([*ORDERS, "~", "!=", "!~"]), VALUES
)
FILTERS = st.recursive(
    COMPARISONS | st.sampled_from(["wind", '"wind gust"', "nothing"]),
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not {}".format, inner),
    ),
    max_leaves=6,
)


def holds(text: str) -> bool:
    return parse(text).matches(FIELDS, TEXT)


@given(FILTERS, FILTERS)
def test_and_or_not_are_those_of_logic(one: str, other: str) -> None:
    assert holds(f"{one} and {other}") == (holds(one) and holds(other))
    assert holds(f"{one} {other}") == (holds(one) and holds(other))
    assert holds(f"{one} or {other}") == (holds(one) or holds(other))
    assert holds(f"not ({one})") == (not holds(one))
    assert holds(f"{one} or {other} and nothing") == holds(one)


@given(NAMES, VALUES)
def test_the_operators_agree_with_each_other(name: str, value: str) -> None:
    def says(operator: str) -> bool:
        return holds(f"'{name}' {operator} '{value}'")

    assert says("!=") == (not says("="))
    assert says("!~") == (not says("~"))
    if not isinstance(FIELDS.get(name), list):
        assert says("<=") == (says("<") or says("="))
        assert says(">=") == (says(">") or says("="))
        assert says("<") + says("=") + says(">") <= 1


@given(st.text(max_size=40))
def test_any_text_is_a_filter_or_a_mistake_with_a_place(text: str) -> None:
    told = ""
    try:
        parse(text).matches(FIELDS, TEXT)
    except ConfigError as refused:
        told = refused.message
    assert not told or re.search(r"at character [0-9]+: ", told)


@given(st.text(min_size=1, max_size=20).filter(lambda text: "\\" not in text and '"' not in text))
def test_a_quoted_text_is_found_as_it_is(text: str) -> None:
    assert parse(f'tag = "{text}"').matches({"tag": text})
