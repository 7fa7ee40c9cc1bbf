"""Charts as inline SVG, laid out by leather: lines, points, bars and columns.

Series differ by more than their colour: the second line is dashed, points are told from columns by
their shape. What a chart shows is in its description too, and in report.json or a table beside it.
"""

from __future__ import annotations

import functools
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from markupsafe import Markup

from taxiway.html.svg import inline

Point = tuple[float, float]
WIDTH: Final = 460
HEIGHT: Final = 320
SPARK: Final = (200, 84)
"""Width and height of a histogram in a table."""
_OF_SPARK: Final = "17 8 174 46"
"""What is left of it without the room that leather keeps for ticks and names."""
_SERIES: Final = ("#one", "#two", "#three", "#four")
"""Stand-ins for colours: style.css has them."""
_DASHES: Final = (
    ("none", ""),
    ("7 4", " (dashed)"),
    ("2 3", " (dotted)"),
    ("10 3 2 3", " (dash-dot)"),
)
_MOST_BARS: Final = 40
_TICK_LETTERS: Final = 12


@dataclass(frozen=True)
class Line:
    """A series of a chart."""

    name: str
    points: Sequence[Point]
    is_reference: bool = False
    """What others are compared with, such as a diagonal: thin, dashed and grey."""


def line_chart(lines: Sequence[Line], title: str, x: str, y: str, description: str = "") -> Markup:
    """Lines over a common axis; empty where no line has a finite point.

    Args:
      lines: at most four beside references.
      title: what the chart shows.
      x: name of the horizontal axis.
      y: name of the vertical axis.
      description: what there is to see; without it the names and last values of the lines.
    """
    known = [(line, kept) for line in lines if (kept := _finite(line.points))]
    if not known:
        return Markup()
    chart = _chart(x, y, [kept for _, kept in known])
    count = 0
    for line, kept in known:
        if line.is_reference:
            chart.add_line(
                kept, name=line.name, stroke_color="#rest", width=1, stroke_dasharray="4 4"
            )
            continue
        colour, (dash, told) = _SERIES[count % len(_SERIES)], _DASHES[count % len(_DASHES)]
        name = f"{line.name}{told}"
        if len(kept) == 1:
            chart.add_dots(kept, name=name, fill_color=colour, radius=4)
        else:
            chart.add_line(kept, name=name, stroke_color=colour, stroke_dasharray=dash)
        count += 1
    ends = [
        f"{line.name} ends at {kept[-1][1]:.4g}" for line, kept in known if not line.is_reference
    ]
    return _svg(chart, title, description or f"{y} by {x}: {'; '.join(ends)}.")


def scatter(
    points: Sequence[Point],
    title: str,
    x: str,
    y: str,
    description: str = "",
    reference: Line | None = None,
) -> Markup:
    """Points, and a line to hold them against; empty where no point is finite."""
    kept = _finite(points)
    if not kept:
        return Markup()
    beside = [_finite(reference.points)] if reference else []
    chart = _chart(x, y, [kept, *beside])
    if reference:
        chart.add_line(
            beside[0], name=reference.name, stroke_color="#rest", width=1, stroke_dasharray="4 4"
        )
    chart.add_dots(kept, name=y, fill_color=_SERIES[0], radius=4)
    return _svg(chart, title, description or f"{y} by {x}, {len(kept)} points.")


def bar_chart(bars: Sequence[tuple[str, float]], title: str, x: str) -> Markup:
    """A horizontal bar for each name, the first at the top; empty without any.

    Args:
      bars: names, each once, and lengths; the first 40 are drawn.
      title: what the chart shows.
      x: what the length is.
    """
    import leather

    kept = [(name, value) for name, value in bars if math.isfinite(value)][:_MOST_BARS]
    if not kept:
        return Markup()
    chart = leather.Chart()
    chart.add_x_scale(min(0.0, *(value for _, value in kept)), _above(value for _, value in kept))
    chart.add_x_axis(name=x, tick_formatter=_tick)
    chart.add_y_axis(tick_formatter=lambda text, *_: _short(str(text)))
    chart.add_bars([(value, name) for name, value in kept], fill_color=_SERIES[0])
    told = "; ".join(f"{name} {value:.4g}" for name, value in kept[:10])
    return _svg(chart, title, f"{x}: {told}.", (WIDTH, 90 + 24 * len(kept)))


def column_chart(
    columns: Sequence[tuple[str, float]], title: str, x: str, y: str, description: str = ""
) -> Markup:
    """A column for each bin, from left to right; empty without any.

    Args:
      columns: names, each once, and heights; some of the names are written below.
      title: what the chart shows.
      x: what the bins are of.
      y: what the height is.
      description: what there is to see.
    """
    import leather

    if not columns:
        return Markup()
    names = [name for name, _ in columns]
    chart = leather.Chart()
    chart.add_y_scale(0.0, _above(value for _, value in columns))
    every = max(1, math.ceil(len(names) * max(map(len, names)) * 8 / (WIDTH * 0.75)))
    chart.add_x_axis(ticks=names[::every], name=x)
    chart.add_y_axis(name=y, tick_formatter=_tick)
    chart.add_columns(list(columns), fill_color=_SERIES[0])
    highest = max(columns, key=lambda one: one[1])
    told = f"{y} by {x} in {len(names)} bins; most, {highest[1]:.4g}, at {highest[0]}."
    return _svg(chart, title, description or told)


def spark(now: Sequence[float], then: Sequence[float], title: str, description: str) -> Markup:
    """A small histogram for a table: an area of what is now, a line over it of what was then.

    Args:
      now: shares by bin.
      then: shares in the same bins; empty where there is nothing to compare with.
      title: what it shows.
      description: what there is to see.
    """
    if not now:
        return Markup()
    width, height = SPARK
    root = ET.Element("svg", width=str(width), height=str(height))
    bins, most = max(len(now), len(then)), max(*now, *then, 1e-9)
    for shares, colour in ((now, "#area"), (then, _SERIES[1])):
        if shares:  # each a chart by itself: leather writes a legend where there are two
            root.append(_outline([share / most for share in shares], bins, colour))
    root.set("viewBox", _OF_SPARK)
    return inline(root, title, description, _COLOURS, kind="spark")


def _outline(shares: Sequence[float], bins: int, colour: str) -> ET.Element:
    """The outline of a histogram whose highest bin of all is 1."""
    import leather

    chart = leather.Chart()
    chart.set_x_scale(_share())
    chart.set_y_scale(_share())
    for axis in (chart.add_x_axis, chart.add_y_axis):
        axis(ticks=[0.0], tick_formatter=lambda *_: "")
    chart.add_line(_steps(shares, bins), stroke_color=colour, width=1.5)
    group = chart.to_svg_group(*SPARK)
    group.remove(group[0])
    for parent in list(group.iter()):
        for tick in parent.findall("g[@class='tick']"):
            parent.remove(tick)
    return cast("ET.Element", group)


@functools.lru_cache
def _share() -> Any:
    """From 0 to 1: its ticks are looked for once, which takes longer than to draw by it."""
    import leather

    return leather.Linear(0.0, 1.0)


def _steps(shares: Sequence[float], bins: int) -> list[Point]:
    """The outline of a histogram of width 1, from the floor to the floor."""
    edges = ((at, share) for number, share in enumerate(shares) for at in (number, number + 1))
    outline = [(at / bins, float(share)) for at, share in edges]
    return [(0.0, 0.0), *outline, (len(shares) / bins, 0.0)]


def _chart(x: str, y: str, series: Sequence[Sequence[Point]]) -> Any:
    import leather

    chart = leather.Chart()
    for add, index in ((chart.add_x_scale, 0), (chart.add_y_scale, 1)):
        numbers = [point[index] for points in series for point in points]
        low, high = min(numbers), max(numbers)
        if low == high:  # of one number leather would draw 0 to 1, wherever it lies
            low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
        add(low, high)
    chart.add_x_axis(name=x, tick_formatter=_tick)
    chart.add_y_axis(name=y, tick_formatter=_tick)
    return chart


def _svg(
    chart: Any,
    title: str,
    description: str,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> Markup:
    width, height = size
    group = chart.to_svg_group(width, height)
    group.remove(group[0])  # the background: the page has one
    root = ET.Element("svg", width=str(width), height=str(height))
    root.append(group)
    return inline(root, title, description, _COLOURS)


def _finite(points: Sequence[Point]) -> list[Point]:
    return [(float(x), float(y)) for x, y in points if math.isfinite(x) and math.isfinite(y)]


def _above(values: Iterable[float]) -> float:
    """The end of an axis that begins at 0."""
    return max([0.0, *values]) or 1.0


def _tick(value: Any, *_: int) -> str:
    """A tick of an axis."""
    number = float(value)
    return f"{number:.3g}" if abs(number) >= 1e6 else f"{number:,.6g}"


def _short(text: str) -> str:
    return text if len(text) <= _TICK_LETTERS else f"{text[: _TICK_LETTERS - 1]}…"


_COLOURS: Final[Mapping[str, str]] = {
    "#one": "one",
    "#two": "two",
    "#three": "three",
    "#four": "four",
    "#rest": "rest",
    "#area": "area",
    "#eee": "grid",
    "#a8a8a8": "zero",
    "#666": "text",
    "#9c9c9c": "text",
    "#333": "text",
}
"""Our stand-ins, and the colours of leather's own theme."""
