"""A search's result as a tree to read: each artifact once, the ones that say little left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from taxiway.lineage.graph import Edge, Graph

MAIN_TYPES: Final = (
    *("PushedModel", "Model", "Examples", "Schema", "TransformGraph", "HyperParameters"),
    *("ModelManifest", "ModelEvaluation", "ModelBlessing", "InfraBlessing", "ModelVersion"),
)
"""In this order below what was made of them, so that each stands where a reader looks for it."""
LANDMARKS: Final = ("Examples", "Model", "ModelVersion")
"""What is shown of all that was made of something."""
CHECK_TYPES: Final = ("ExampleStatistics", "ExampleAnomalies", "GateDecision")
"""What a run looked at before it learned; no model is made of them."""


@dataclass
class Branch:
    """An artifact in a tree, and those below it."""

    artifact: int
    edge: Edge | None = None
    """How it belongs to the one above; None at the top."""
    branches: list[Branch] = field(default_factory=list)
    is_cut: bool = False
    """There may be more below it, which is not shown here."""


def grow(
    roots: Iterable[int],
    edges_of: Callable[[int], Iterable[Edge]],
    shown: Callable[[int], bool],
    seen: set[int],
    depth: int = 0,
) -> list[Branch]:
    """Trees from roots on, depth first; an artifact that is reached twice is where it was first.

    Args:
      roots: at the top.
      edges_of: from an artifact to the next ones, in order.
      shown: whether an artifact has a line; what is below one without goes to the one above it.
      seen: artifacts that are in a tree already; filled.
      depth: levels that are shown; 0 means all.
    """
    top = Branch(0)
    waiting: list[tuple[int, Edge | None, Branch, int]] = [
        (root, None, top, 0) for root in reversed(list(roots))
    ]
    while waiting:
        artifact, edge, above, level = waiting.pop()
        if artifact in seen:
            continue
        seen.add(artifact)
        if shown(artifact):
            branch = Branch(artifact, edge)
            above.branches.append(branch)
            above, level = branch, level + 1
            branch.is_cut = bool(depth and level >= depth) or (
                edge is not None and edge.is_baseline
            )
            if branch.is_cut:
                continue
        following = [(one.artifact, one, above, level) for one in edges_of(artifact)]
        waiting.extend(reversed(following))
    return top.branches


def backward_trees(graph: Graph, starts: Sequence[int], every: bool, depth: int) -> list[Branch]:
    """What artifacts are made of, down to the baselines that they were compared with.

    Args:
      graph: to look in.
      starts: at the top.
      every: each artifact has a line, and each baseline a tree of its own after the first.
      depth: levels of a tree; 0 means all.
    """
    artifacts = graph.content.artifacts

    ranks = {name: rank for rank, name in enumerate((*MAIN_TYPES, *CHECK_TYPES))}

    def place(edge: Edge) -> tuple[bool, int, int]:
        rank = ranks.get(artifacts[edge.artifact].type, len(ranks))
        return (edge.is_baseline, rank, edge.artifact)

    def shown(artifact: int) -> bool:
        return every or artifact in starts or artifacts[artifact].type in ranks

    def edges_of(artifact: int) -> list[Edge]:
        return sorted(graph.made_of(artifact), key=place)

    seen: set[int] = set()
    trees = grow(starts, edges_of, shown, seen, depth)
    cut = _baselines(trees)
    while every and cut:
        again = cut.pop(0)
        seen.discard(again)
        more = grow([again], edges_of, shown, seen, depth)
        trees += more
        cut += _baselines(more)
    return trees


def forward_trees(
    graph: Graph, starts: Sequence[int], at_top: bool, every: bool, depth: int
) -> tuple[list[Branch], list[int]]:
    """What was made of artifacts, and what was only compared with some of it.

    Args:
      graph: to look in.
      starts: to begin at.
      at_top: they have lines whatever their type.
      every: each artifact has a line, not only LANDMARKS.
      depth: levels of a tree; 0 means all.
    """
    artifacts = graph.content.artifacts

    def shown(artifact: int) -> bool:
        is_start = at_top and artifact in starts
        return every or is_start or artifacts[artifact].type in LANDMARKS

    def edges_of(artifact: int) -> list[Edge]:
        edges = (edge for edge in graph.made_into(artifact) if not edge.is_baseline)
        return sorted(edges, key=lambda edge: edge.artifact)

    trees = grow(starts, edges_of, shown, set(), depth)
    made = set(graph.forwards(starts, through_baselines=False).artifacts)
    compared = [one for one in graph.forwards(starts).artifacts if one not in made and shown(one)]
    return trees, compared


def lines(trees: Iterable[Branch]) -> Iterator[tuple[str, Branch]]:
    """Each branch after what draws the tree before it."""
    waiting = [("", "", tree) for tree in reversed(list(trees))]
    while waiting:
        before, corner, branch = waiting.pop()
        yield before + corner, branch
        below = before + {"": "", "\u251c\u2500 ": "\u2502  ", "\u2514\u2500 ": "   "}[corner]
        last = len(branch.branches) - 1
        for index in range(last, -1, -1):
            corner_of = "\u2514\u2500 " if index == last else "\u251c\u2500 "
            waiting.append((below, corner_of, branch.branches[index]))


def _baselines(trees: Iterable[Branch]) -> list[int]:
    """Artifacts that were compared with, in the order in which they are met."""
    edges = (branch.edge for _, branch in lines(trees))
    return [edge.artifact for edge in edges if edge is not None and edge.is_baseline]
