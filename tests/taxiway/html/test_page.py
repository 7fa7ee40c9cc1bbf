"""A page in the common look: self-contained, and every value escaped and printable."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import pytest
from markupsafe import Markup

from taxiway.html import page

TEMPLATE = """{% extends "base.html.j2" %}{% from "parts.html.j2" import table, badge %}
{% block title %}{{ name }}{% endblock %}
{% block main %}<h1>{{ name }}</h1>
{{ table(name, (name, "n"), [(name, badge(name, "good"))], (1,)) }}
{{ drawn }}{{ number|metric }} {{ none|metric }} {{ 0.5|share }} {{ 1234.0|count }}{% endblock %}"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.html.j2").write_text(TEMPLATE)
    return tmp_path


def shown(folder: Path, name: str, number: float = 0.25) -> str:
    return page("one.html.j2", folder, name=name, drawn=Markup("<b>drawn</b>"), number=number)


def test_text_is_escaped_and_markup_that_we_made_is_not(folder: Path) -> None:
    made = shown(folder, '<i>"x"</i> \x1b[31m')
    assert "<i>" not in made
    assert made.count("&lt;i&gt;&#34;x&#34;&lt;/i&gt; \N{SYMBOL FOR ESCAPE}[31m") == 7
    assert "<b>drawn</b>" in made


def test_it_needs_nothing_from_elsewhere_and_no_script(folder: Path) -> None:
    made = shown(folder, "x")
    assert not re.findall(r"[a-z]+://|<script|<link|@import|src=", made)
    assert "prefers-color-scheme: dark" in made
    assert "@media print" in made
    assert 'href="#main"' in made


def test_a_table_has_a_caption_and_can_be_reached_by_the_keyboard(folder: Path) -> None:
    made = shown(folder, "late")
    assert 'role="region" tabindex="0" aria-label="late"' in made
    assert "<caption>late</caption>" in made
    assert '<th scope="row">late</th><td class="number"><span class="badge good">' in made


@pytest.mark.parametrize(
    ("number", "told"),
    [(0.25, "0.2500"), (600.0, "600"), (1.0, "1.0000"), (27020.5, "27,020"), (-0.5, "-0.5000")],
)
def test_figures(folder: Path, number: float, told: str) -> None:
    assert f"{told} n/a 50.0 % 1,234" in shown(folder, "x", number)


def test_a_value_that_is_not_there_is_an_error(folder: Path) -> None:
    with pytest.raises(jinja2.UndefinedError, match="drawn"):
        page("one.html.j2", folder, name="x", number=1)
