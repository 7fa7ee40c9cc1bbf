"""A card as Markdown shows its values and nothing else, whatever they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from taxiway.registry.catalog.cards import Section, Table
from taxiway.registry.catalog.markdown import card_markdown, escaped
from taxiway.terminal import one_line

EVIL = (
    *("<script>alert(1)</script>", "[a](http://x.y)", "![a](x.png)", "a | b", "# h", "> q"),
    *("- a", "+ a", "1. a", "12) a", "---", "===", "```", "`a`", "*a* _b_ __c__ ~~d~~", "a\\"),
    *("&lt;b&gt;", "<http://x.y>", "http://x.y", "www.x.y", "a@b.c", "\x1b[31mred", "\u202eevil"),
    *("[a]: http://x.y", "$x$", "    code", "a  \nb", "\t", ":---", "|", "_", "a_b", "0.5", "-0.5"),
    *("\\|", "\\`", "1.", "-", "+", "<!-- a", "&#35;", "\\\\|"),
)
RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
TEXTS = st.one_of(
    st.sampled_from(EVIL),
    st.text(alphabet="\\`*_{}[]<>()#+-=!|~&$:.@/ \n\t1wa\x1b", max_size=12),
    st.text(max_size=12),
)


def parsed(text: str) -> Iterator[Token]:
    """All tokens, as a renderer with HTML, tables and strike-through has them."""
    for token in (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    ):
        yield token
        yield from token.children or ()


def shown(text: str) -> str:
    """Characters without blanks, which a renderer may fold."""
    return re.sub(r"\s", "", text)


def words(tokens: list[Token]) -> str:
    return shown("".join(token.content for token in tokens if token.type == "text"))


@given(TEXTS)
@example("1.")
def test_a_value_is_shown_as_it_is_and_is_nothing_but_text(value: str) -> None:
    tokens = list(parsed(escaped(value)))
    kinds = {token.type for token in tokens}
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text"}
    assert words(tokens) == shown(one_line(value))


@settings(max_examples=50)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3), TEXTS, TEXTS)
def test_no_value_changes_the_shape_of_a_card(
    rows: list[tuple[str, str]], text: str, title: str
) -> None:
    def shape(made: list[Section]) -> list[Any]:
        tokens = parsed(card_markdown("flights/1.0.0", made))
        skipped = ("text", "hardbreak", "paragraph_open", "paragraph_close", "inline")
        return [token.type for token in tokens if token.type not in skipped]

    def sections(cells: tuple[tuple[str, str], ...], text: str, title: str) -> list[Section]:
        return [Section(f"T{title}", text, Table(("a", "b"), cells)), Section("End")]

    plain = sections(tuple(("x", "y") for _ in rows), "x", "x")
    assert shape(sections(tuple(rows), text, title)) == shape(plain)


def test_what_is_to_be_filled_in_is_marked_with_the_command_that_fills_it() -> None:
    section = Section("Intended use", field="intended_use", asks="what it is for")
    text = card_markdown("flights/1.0.0", [section])
    assert "**To be filled in**: what it is for." in text
    assert "`taxiway models annotate flights/1.0.0 --field intended_use='...'`" in text


@pytest.mark.parametrize("value", ["0.7065", "+0.0010", "-1", "column_00", "late: no (yes)"])
def test_numbers_and_names_stay_readable(value: str) -> None:
    assert escaped(value) == value


def test_paragraphs_and_line_ends_of_a_person_are_kept() -> None:
    text = card_markdown("flights/1.0.0", [Section("Owner", "first\nsecond\n\nthird")])
    kinds = [token.type for token in parsed(text)]
    assert kinds.count("paragraph_open") == 2
    assert kinds.count("hardbreak") == 1
