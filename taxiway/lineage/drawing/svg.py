"""A picture as SVG: by graphviz's `dot` where it is installed, else by a layout of our own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from taxiway.errors import ConfigError
from taxiway.lineage.collect import Lineage
from taxiway.lineage.drawing.layout import LINE, PADDING, Layout, lay_out
from taxiway.lineage.drawing.picture import Arrow, Box, Picture, picture
from taxiway.lineage.printing.text import Shown

FILLS: Final = {
    "subject": "#fde9c8",
    "version": "#d9ead3",
    "other": "#eef2f7",
    "good": "#d8f3de",
    "warn": "#fff1c2",
    "bad": "#ffe1de",
}
LINE_COLOUR: Final = "#5b6b7b"
_FONT: Final = "DejaVu Sans Mono, Menlo, Consolas, monospace"
_FONT_SIZE: Final = 11
_MARGIN: Final = 24.0
_TITLE: Final = 28.0
_DOT_SECONDS: Final = 30.0


def write_svg(lineage: Lineage, shown: Shown, path: Path) -> None:
    """Draws what the text of a lineage shows.

    Raises:
      ConfigError: there is nothing to draw, or the file cannot be written.
    """
    drawn = picture(lineage, shown)
    if not drawn.boxes:
        raise ConfigError(f"there is nothing to draw: {lineage.missing}", edit="--svg")
    text = by_dot(drawn) or by_our_layout(drawn)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}", edit="--svg") from None


def by_dot(drawn: Picture) -> str:
    """Placed by graphviz; empty where it is not installed or does not answer."""
    if shutil.which("dot") is None:
        return ""
    try:
        done = subprocess.run(
            ["dot", "-Tsvg"],
            input=dot_source(drawn),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=_DOT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def dot_source(drawn: Picture) -> str:
    """The picture in graphviz's language."""
    font = f'fontname="{_FONT}", fontsize={_FONT_SIZE}'
    lines = [
        "digraph lineage {",
        f'  graph [rankdir=LR, bgcolor=white, labelloc=t, label="{_quoted(drawn.title)}", {font}];',
        f'  node [shape=box, style="filled,rounded", color="{LINE_COLOUR}", {font}];',
        f'  edge [color="{LINE_COLOUR}"];',
    ]
    for box in drawn.boxes:
        label = "\\n".join(map(_quoted, box.lines))
        lines.append(f'  {box.id} [label="{label}", fillcolor="{_fill(box)}"];')
    for arrow in drawn.arrows:
        style = " [style=dashed]" if arrow.is_baseline else ""
        lines.append(f"  {arrow.source} -> {arrow.target}{style};")
    return "\n".join([*lines, "}", ""])


def by_our_layout(drawn: Picture, is_part: bool = False) -> str:
    """Placed by `lay_out`.

    Args:
      drawn: what there is to draw.
      is_part: of a page, which has a background and a heading of its own.
    """
    layout = lay_out(drawn)
    margin, title = (2.0, 0.0) if is_part else (_MARGIN, _TITLE)
    width, height = layout.width + 2 * margin, layout.height + 2 * margin + title
    head = [
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_MARGIN}" y="{_MARGIN + 6}" font-size="15">{escape(drawn.title)}</text>',
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{_FONT}" '
            f'font-size="{_FONT_SIZE}">',
            f"<title>{escape(drawn.title)}</title>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
            f'markerHeight="7" orient="auto"><path d="M0,0L8,4L0,8z" fill="{LINE_COLOUR}"/>'
            "</marker></defs>",
            *([] if is_part else head),
            f'<g transform="translate({margin},{margin + title})">',
            *(_path(arrow, points) for arrow, points in layout.paths.items()),
            *(line for box in drawn.boxes for line in _drawn(box, layout)),
            "</g>",
            "</svg>",
            "",
        ]
    )


def _path(arrow: Arrow, points: Sequence[tuple[float, float]]) -> str:
    """Curves that leave and arrive level."""
    (x, y), *others = points
    parts = [f"M{x:.1f},{y:.1f}"]
    for to_x, to_y in others:
        middle = (x + to_x) / 2
        parts.append(f"C{middle:.1f},{y:.1f} {middle:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f}")
        x, y = to_x, to_y
    dashes = ' stroke-dasharray="5 4"' if arrow.is_baseline else ""
    return (
        f'<path d="{"".join(parts)}" fill="none" stroke="{LINE_COLOUR}"{dashes} '
        'marker-end="url(#head)"/>'
    )


def _drawn(box: Box, layout: Layout) -> Iterator[str]:
    place = layout.places[box.id]
    yield (
        f'<rect x="{place.x:.1f}" y="{place.y:.1f}" width="{place.width:.1f}" '
        f'height="{place.height:.1f}" rx="5" fill="{_fill(box)}" stroke="{LINE_COLOUR}"/>'
    )
    for index, line in enumerate(box.lines):
        weight = ' font-weight="bold"' if index == 0 else ""
        baseline = place.y + PADDING / 2 + (index + 0.75) * LINE
        yield f'<text x="{place.x + PADDING:.1f}" y="{baseline:.1f}"{weight}>{escape(line)}</text>'


def _fill(box: Box) -> str:
    kind = "subject" if box.is_subject else "version" if box.is_version else "other"
    return FILLS[box.tone or kind]


def _quoted(text: str) -> str:
    """Within double quotes of graphviz's language."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
