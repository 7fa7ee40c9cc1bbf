"""Where boxes and arrows go where graphviz is not installed: in columns, from left to right.

After Sugiyama: a column is one further than the last of what points into it; an arrow across
several columns gets a place of its own in each; and each column is ordered, over and over, by the
mean place of its neighbours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from taxiway.lineage.drawing.picture import Arrow, Box, Picture

CHARACTER: Final = 6.7
"""Width of a character of the font, in pixels; it has one width for all."""
LINE: Final = 16.0
PADDING: Final = 10.0
COLUMN_GAP: Final = 70.0
ROW_GAP: Final = 16.0
_PASSING: Final = 8.0
"""Height of an arrow that passes through a column."""
_SWEEPS: Final = 12

Key = int | tuple[int, int, int]
"""A box's id, or source, target and column of an arrow that passes."""


@dataclass(frozen=True)
class Place:
    """A box's left upper corner and size, in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """Where everything is."""

    width: float
    height: float
    places: Mapping[int, Place]
    paths: Mapping[Arrow, Sequence[tuple[float, float]]]
    """The points that an arrow passes, its ends among them."""


def lay_out(picture: Picture) -> Layout:
    """Places for every box and arrow; the same picture always gets the same ones."""
    boxes = {box.id: box for box in picture.boxes}
    columns_of = _columns(boxes, picture.arrows)
    chains = {arrow: _chain(arrow, columns_of) for arrow in picture.arrows}
    columns = _ordered(columns_of, chains.values())
    places = _placed(columns, boxes)
    width = max((one.x + one.width for one in places.values()), default=0.0)
    height = max((one.y + one.height for one in places.values()), default=0.0)
    return Layout(
        width,
        height,
        {key: place for key, place in places.items() if isinstance(key, int)},
        {arrow: _path([places[key] for key in chain]) for arrow, chain in chains.items()},
    )


def _columns(boxes: Mapping[int, Box], arrows: Sequence[Arrow]) -> dict[int, int]:
    """The number of each box's column: the length of the longest way to it.

    What is made is newer than what it is made of, so that the order of ids is one to count in.
    """
    sources: dict[int, list[int]] = {}
    for arrow in arrows:
        sources.setdefault(arrow.target, []).append(arrow.source)
    found: dict[int, int] = {}
    for box in sorted(boxes):
        known = (found[source] for source in sources.get(box, ()) if source in found)
        found[box] = max(known, default=-1) + 1
    return found


def _chain(arrow: Arrow, columns_of: Mapping[int, int]) -> list[Key]:
    """The arrow's ends, and its place in each column between."""
    between = range(columns_of[arrow.source] + 1, columns_of[arrow.target])
    passing: list[Key] = [(arrow.source, arrow.target, column) for column in between]
    return [arrow.source, *passing, arrow.target]


def _ordered(columns_of: Mapping[int, int], chains: Collection[Sequence[Key]]) -> list[list[Key]]:
    """What is in each column, from top to bottom."""
    columns: list[list[Key]] = [[] for _ in range(max(columns_of.values(), default=-1) + 1)]
    for box, column in columns_of.items():
        columns[column].append(box)
    neighbours: dict[Key, tuple[list[Key], list[Key]]] = {}
    for chain in chains:
        for passing in chain[1:-1]:
            assert isinstance(passing, tuple)
            columns[passing[2]].append(passing)
        for left, right in pairwise(chain):
            neighbours.setdefault(right, ([], []))[0].append(left)
            neighbours.setdefault(left, ([], []))[1].append(right)
    for sweep in range(_SWEEPS):
        side = sweep % 2
        for keys in columns if side == 0 else reversed(columns):
            _sort_by_neighbours(keys, side, columns, neighbours)
    return columns


def _sort_by_neighbours(
    column: list[Key],
    side: int,
    columns: Sequence[Sequence[Key]],
    neighbours: Mapping[Key, tuple[Sequence[Key], Sequence[Key]]],
) -> None:
    """Each at the mean of its neighbours on one side; what has none stays where it is."""
    at = {
        key: index / len(others) for others in columns for index, key in enumerate(others, start=1)
    }

    def mean(key: Key) -> float:
        found = [at[one] for one in neighbours.get(key, ((), ()))[side]]
        return sum(found) / len(found) if found else at[key]

    column.sort(key=mean)


def _placed(columns: Sequence[Sequence[Key]], boxes: Mapping[int, Box]) -> dict[Key, Place]:
    """Columns beside each other, each in the middle of the picture's height."""
    heights = [
        sum(_size(key, boxes)[1] + ROW_GAP for key in column) - ROW_GAP for column in columns
    ]
    tallest = max(heights, default=0.0)
    found: dict[Key, Place] = {}
    x = 0.0
    for column, height in zip(columns, heights, strict=True):
        width = max((_size(key, boxes)[0] for key in column), default=0.0)
        y = (tallest - height) / 2
        for key in column:
            own = _size(key, boxes)[1]
            found[key] = Place(x, y, width, own)
            y += own + ROW_GAP
        x += width + COLUMN_GAP
    return found


def _size(key: Key, boxes: Mapping[int, Box]) -> tuple[float, float]:
    """Width and height; an arrow that passes needs no width."""
    if not isinstance(key, int):
        return 0.0, _PASSING
    lines = boxes[key].lines
    return max(map(len, lines)) * CHARACTER + 2 * PADDING, len(lines) * LINE + PADDING


def _path(places: Sequence[Place]) -> list[tuple[float, float]]:
    """From the right side of the first, through the others, to the left side of the last."""
    points = [(places[0].x + places[0].width, places[0].y + places[0].height / 2)]
    for passed in places[1:-1]:
        middle = passed.y + passed.height / 2
        points += [(passed.x, middle), (passed.x + passed.width, middle)]
    return [*points, (places[-1].x, places[-1].y + places[-1].height / 2)]
