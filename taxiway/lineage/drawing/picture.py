"""What a drawing of a lineage shows: a box for each artifact that its text has, and arrows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from taxiway.lineage.collect import Lineage
from taxiway.lineage.graph import Edge, Graph
from taxiway.lineage.printing.describe import about_version, short
from taxiway.lineage.printing.text import Shown
from taxiway.lineage.printing.tree import backward_trees, forward_trees, lines
from taxiway.terminal import one_line


@dataclass(frozen=True)
class Box:
    """An artifact."""

    id: int
    lines: tuple[str, ...]
    """The first is its name; all are fit to be shown."""
    is_subject: bool = False
    is_version: bool = False
    tone: str = ""
    """good, warn or bad, where it says how something went."""


@dataclass(frozen=True)
class Arrow:
    """From what was taken to what was made of it."""

    source: int
    target: int
    is_baseline: bool = False
    """It was only compared with the source."""


@dataclass(frozen=True)
class Picture:
    """All that is drawn."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def picture(lineage: Lineage, shown: Shown) -> Picture:
    """The artifacts that the text of a lineage has, and how they hang together."""
    found = _artifacts(lineage, shown)
    arrows = {arrow for artifact in found for arrow in _arrows(lineage.graph, artifact, found)}
    return Picture(
        one_line(lineage.subject),
        tuple(_box(lineage, one, shown.root) for one in found),
        tuple(sorted(arrows, key=lambda one: (one.source, one.target))),
    )


def _artifacts(lineage: Lineage, shown: Shown) -> list[int]:
    found: set[int] = set()
    graph, starts = lineage.graph, lineage.starts
    if lineage.backwards is not None:
        trees = backward_trees(graph, starts, shown.every, shown.depth)
        found |= {branch.artifact for _, branch in lines(trees)}
    if lineage.forwards is not None:
        at_top = lineage.starts_are_shown
        trees, compared = forward_trees(graph, starts, at_top, shown.every, shown.depth)
        found |= {branch.artifact for _, branch in lines(trees)} | set(compared)
    return sorted(found)


def _arrows(graph: Graph, target: int, shown: Collection[int]) -> Iterable[Arrow]:
    """To an artifact from the nearest ones that are shown; an arrow passes through all others."""
    seen = {target}
    waiting: list[tuple[Edge, bool]] = [(edge, False) for edge in graph.made_of(target)]
    while waiting:
        edge, is_baseline = waiting.pop()
        if edge.artifact in seen:
            continue
        seen.add(edge.artifact)
        is_baseline = is_baseline or edge.is_baseline
        if edge.artifact in shown:
            yield Arrow(edge.artifact, target, is_baseline)
        else:
            waiting += [(one, is_baseline) for one in graph.made_of(edge.artifact)]


def _box(lineage: Lineage, artifact: int, root: str) -> Box:
    record = lineage.graph.content.artifacts[artifact]
    version = lineage.versions.get(artifact)
    about = [lineage.of_models.get(artifact, ""), *short(record, root).split(", ")]
    if version is not None:
        about = [version.subject, about_version(version)]
        about += ["serves" for one in version.served if not one.until][:1]
    return Box(
        artifact,
        tuple(one_line(line) for line in (f"{record.type} #{record.id}", *about) if line),
        is_subject=artifact in lineage.starts,
        is_version=version is not None,
    )
