"""Charts as inline SVG: each says what it shows, takes its colours from the page, and is alone."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
from markupsafe import Markup

from taxiway.html import Line, bar_chart, column_chart, line_chart, scatter
from taxiway.html.charts import spark

HOSTILE = "<script>alert(1)</script> & \u202eevil"
Draw = Callable[[str], Markup]
CHARTS: dict[str, Draw] = {
    "lines": lambda name: line_chart(
        [Line(name, [(1, 0.5), (2, 0.25)]), Line(f"{name} too", [(1, 0.6), (2, 0.5)])],
        *(name, name, name),
    ),
    "points": lambda name: scatter(
        [(0.1, 0.2), (0.7, 0.6)], name, name, name, reference=Line(name, [(0, 0), (1, 1)])
    ),
    "bars": lambda name: bar_chart([(name, 0.5), ("other", -0.25)], name, name),
    "columns": lambda name: column_chart([(name, 3.0), ("other", 0.0)], name, name, name),
    "spark": lambda name: spark([0.5, 0.5], [0.25, 0.75], name, name),
}


@pytest.mark.parametrize("kind", CHARTS)
class TestEveryChart:
    def test_it_has_a_title_and_a_description_that_it_is_labelled_by(self, kind: str) -> None:
        root = ET.fromstring(CHARTS[kind]("late"))
        assert root.get("role") == "img"
        told = {root.find(tag).get("id"): root.find(tag).text for tag in ("title", "desc")}  # type: ignore[union-attr]
        assert set(root.get("aria-labelledby", "").split()) == set(told)
        assert all(told.values())
        assert "late" in str(next(iter(told.values())))

    def test_it_has_no_colour_or_font_of_its_own(self, kind: str) -> None:
        for element in ET.fromstring(CHARTS[kind]("late")).iter():
            assert element.get("fill", "none") == "none"
            assert "stroke" not in element.attrib
            assert "font-family" not in element.attrib

    def test_no_name_becomes_markup_or_turns_a_line_round(self, kind: str) -> None:
        drawn = CHARTS[kind](HOSTILE)
        assert "<script" not in drawn
        assert "\u202e" not in drawn
        assert "&lt;script&gt;" in drawn
        ET.fromstring(drawn)

    def test_no_two_of_a_page_share_an_id(self, kind: str) -> None:
        both = CHARTS[kind]("late") + CHARTS[kind]("early")
        ids = re.findall(r'id="([^"]+)"', both)
        assert len(ids) == len(set(ids)) == 4

    def test_the_same_values_give_the_same_chart(self, kind: str) -> None:
        assert CHARTS[kind]("late") == CHARTS[kind]("late")


def test_a_second_line_is_told_from_the_first_by_more_than_its_colour() -> None:
    drawn = CHARTS["lines"]("late")
    assert "late too (dashed)" in drawn
    assert drawn.count("stroke-dasharray") == 1


def test_numbers_that_are_none_are_left_out_and_nothing_is_left_of_them_alone() -> None:
    nan = float("nan")
    assert "nan" not in line_chart([Line("a", [(1, nan), (2, 0.5), (3, 0.6)])], "t", "x", "y")
    assert line_chart([Line("a", [(1, nan)])], "t", "x", "y") == ""
    assert scatter([(nan, 1.0)], "t", "x", "y") == ""
    assert bar_chart([("a", nan)], "t", "x") == ""
    assert column_chart([], "t", "x", "y") == ""
    assert spark([], [], "t", "d") == ""


@pytest.mark.parametrize("value", [0.0, -5.0, 1e9, 1e-9])
def test_a_single_value_is_drawn_wherever_it_lies(value: float) -> None:
    drawn = ET.fromstring(line_chart([Line("a", [(1.0, value)])], "t", "x", "y"))
    (dot,) = drawn.iter("circle")
    assert 0 <= float(dot.get("cy", "")) <= 320
    assert bar_chart([("a", value)], "t", "x")


def test_a_line_goes_through_its_points() -> None:
    drawn = ET.fromstring(line_chart([Line("a", [(0, 0), (1, 1), (2, 0)])], "t", "x", "y"))
    (path,) = drawn.iter("path")
    numbers = [float(one) for one in re.findall(r"-?[\d.]+", path.get("d", ""))]
    x, y = numbers[::2], numbers[1::2]
    assert x == sorted(x)
    assert y[0] == y[2] > y[1]  # SVG counts from above
