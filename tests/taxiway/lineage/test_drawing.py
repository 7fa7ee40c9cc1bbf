"""The drawing: every box and arrow of it, in columns that are read from left to right."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxiway.lineage.drawing.layout import lay_out
from taxiway.lineage.drawing.picture import Arrow, Box, Picture
from taxiway.lineage.drawing.svg import by_dot, by_our_layout

SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """Of up to twelve boxes; arrows go to newer ones."""
    count = draw(st.integers(1, 12))
    words = st.lists(st.text('ab <&"\\', max_size=9), min_size=1, max_size=3)
    boxes = tuple(Box(one, tuple(draw(words))) for one in range(1, count + 1))
    ends = st.tuples(st.integers(1, count), st.integers(1, count), st.booleans())
    arrows = {
        (source, target): Arrow(source, target, dashed)
        for source, target, dashed in draw(st.lists(ends, max_size=20))
        if source < target
    }
    return Picture("a <title>", boxes, tuple(arrows.values()))


@given(drawn=pictures())
def test_no_box_covers_another_and_arrows_go_to_the_right(drawn: Picture) -> None:
    layout = lay_out(drawn)
    places = list(layout.places.values())
    for index, one in enumerate(places):
        assert one.x + one.width <= layout.width + 0.01
        assert one.y + one.height <= layout.height + 0.01
        for other in places[index + 1 :]:
            beside = one.x + one.width <= other.x or other.x + other.width <= one.x
            below = one.y + one.height <= other.y or other.y + other.height <= one.y
            assert beside or below
    for arrow, path in layout.paths.items():
        assert path[0][0] == layout.places[arrow.source].x + layout.places[arrow.source].width
        assert path[-1][0] == layout.places[arrow.target].x
        assert list(path) == sorted(path, key=lambda point: point[0])


@given(drawn=pictures())
def test_our_svg_has_each_box_and_arrow(drawn: Picture) -> None:
    root = ElementTree.fromstring(by_our_layout(drawn))
    (group,) = root.findall(f"{SVG}g")
    assert len(group.findall(f"{SVG}rect")) == len(drawn.boxes)
    paths = group.findall(f"{SVG}path")
    assert len(paths) == len(drawn.arrows)
    dashed = [path for path in paths if path.get("stroke-dasharray")]
    assert len(dashed) == sum(arrow.is_baseline for arrow in drawn.arrows)
    texts = [text.text or "" for text in group.findall(f"{SVG}text")]
    assert texts == [line for box in drawn.boxes for line in box.lines]


def test_a_graphviz_that_fails_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\necho '<svg'\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert by_dot(Picture("span:1", (Box(1, ("Examples #1",)),), ())) == ""


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
def test_graphviz_draws_the_same_boxes() -> None:
    boxes = (Box(1, ('Examples #1 "\\', "spans 1-3")), Box(2, ("Model #2",)))
    root = ElementTree.fromstring(by_dot(Picture("span:1", boxes, (Arrow(1, 2),))))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {'Examples #1 "\\', "spans 1-3", "Model #2"} <= set(texts)
