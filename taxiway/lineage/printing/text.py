"""A lineage as text: a head, trees with a line for each artifact, runs, deployments."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from taxiway.lineage.collect import Lineage
from taxiway.lineage.printing.describe import (
    about_container,
    about_run,
    about_version,
    below,
    deployments_of,
    short,
)
from taxiway.lineage.printing.tree import (
    CHECK_TYPES,
    Branch,
    backward_trees,
    forward_trees,
    lines,
)
from taxiway.lineage.registered import RegisteredVersion
from taxiway.lineage.subjects import EXIT_SUFFIX
from taxiway.terminal import one_line

_GAP: Final = "  "
_LONGEST_FACT: Final = 100


@dataclass(frozen=True)
class Shown:
    """What of a lineage is printed.

    Args:
      root: output.root, which is left out of places.
      every: each artifact, and what baselines were made of.
      depth: levels of a tree; 0 means all.
    """

    root: str = ""
    every: bool = False
    depth: int = 0


def as_text(lineage: Lineage, shown: Shown) -> str:
    """The whole answer, each line fit to be printed."""
    sections = [
        _head(lineage),
        _backwards(lineage, shown),
        _beside(lineage, shown),
        *_forwards(lineage, shown),
        _runs(lineage),
    ]
    return "\n\n".join("\n".join(map(one_line, one)) for one in sections if one)


def _head(lineage: Lineage) -> list[str]:
    version = lineage.version
    if version is None:
        return []
    about = about_version(version)
    head = [f"{version.subject}{f'  {about}' * bool(about)}"]
    head += [f"  {line}" for line in deployments_of(version)]
    for artifact in lineage.pushed_again:
        maker = lineage.graph.maker(artifact)
        head.append(f"  pushed again by run {maker.run_id if maker else '?'} (artifact:{artifact})")
    if lineage.missing:
        facts = lineage.facts or {}
        head += ["", lineage.missing, "the registry has kept of it:"]
        head += [f"  run        {version.run_id}", f"  registered {version.created_at}"]
        head += [f"  sha256     {version.model_digest}"]
        head += [f"  {key:<10} {_bounded(value)}" for key, value in sorted(facts.items())]
    return head


def _bounded(value: object) -> str:
    """A fact as JSON; of one that is long, the beginning: `taxiway models show` has it whole."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONGEST_FACT else f"{text[:_LONGEST_FACT]}..."


def _backwards(lineage: Lineage, shown: Shown) -> list[str]:
    if lineage.backwards is None or not lineage.starts:
        return []
    trees = backward_trees(lineage.graph, lineage.starts, shown.every, shown.depth)
    rows = [_row(lineage, shown, before, branch) for before, branch in lines(trees)]
    return ["made of", *_aligned(rows)]


def _beside(lineage: Lineage, shown: Shown) -> list[str]:
    artifacts = lineage.graph.content.artifacts
    found = [
        Branch(one) for one in lineage.beside if shown.every or artifacts[one].type in CHECK_TYPES
    ]
    rows = [_row(lineage, shown, "", branch) for branch in found]
    return ["looked at by the same run, and no part of the model", *_aligned(rows)] if rows else []


def _forwards(lineage: Lineage, shown: Shown) -> list[list[str]]:
    if lineage.forwards is None:
        return []
    trees, compared = forward_trees(
        lineage.graph, lineage.starts, lineage.starts_are_shown, shown.every, shown.depth
    )
    made = lineage.graph.forwards(lineage.starts, through_baselines=False).artifacts
    count = len({one.subject for one in _versions(lineage, made)})
    several = "version" if count == 1 else "versions"
    head = f"{lineage.subject} went into {count} registered {several}"
    rows = [_row(lineage, shown, before, branch) for before, branch in lines(trees)]
    sections = [[head, *_aligned(rows)]]
    if compared:
        rows = [_row(lineage, shown, "", Branch(one)) for one in compared]
        sections.append(["only compared with a model made of it", *_aligned(rows)])
    deployed = [
        (one.subject, line)
        for one in _versions(lineage, lineage.forwards.artifacts)
        for line in deployments_of(one)
    ]
    sections.append(["deployments", *_aligned(deployed)] if deployed else [])
    return sections


def _versions(lineage: Lineage, artifacts: Iterable[int]) -> Iterator[RegisteredVersion]:
    found = (lineage.versions[one] for one in artifacts if one in lineage.versions)
    return iter(dict.fromkeys(found))


def _row(lineage: Lineage, shown: Shown, before: str, branch: Branch) -> tuple[str, ...]:
    """Tree and name, node, what it is, where it is."""
    artifact = lineage.graph.content.artifacts[branch.artifact]
    maker = lineage.graph.maker(branch.artifact)
    version = lineage.versions.get(branch.artifact)
    is_baseline = branch.edge is not None and branch.edge.is_baseline
    name = f"{'baseline ' * is_baseline}{artifact.type} #{artifact.id}"
    about = [lineage.of_models.get(branch.artifact, ""), short(artifact, shown.root)]
    if version is not None:
        about = [version.subject, about_version(version)]
    if maker is not None:
        about += [about_container(maker.properties), _run_of(lineage, maker.run_id)]
    if branch.is_cut:
        about.append(_cut(lineage, branch.artifact))
    return (
        f"{before}{name}",
        maker.node_id if maker else "",
        ", ".join(filter(None, about)),
        below(artifact.uri, shown.root),
    )


def _run_of(lineage: Lineage, run_id: str) -> str:
    """The run that made something, where it is not plain which one that is."""
    run = run_id.removesuffix(EXIT_SUFFIX)
    own = lineage.version.run_id if lineage.version else ""
    return f"run {run}" if run and run != own and (own or len(lineage.runs) > 1) else ""


def _cut(lineage: Lineage, artifact: int) -> str:
    hidden = len(lineage.graph.backwards([artifact]).artifacts) - 1
    return f"made of {hidden} more" if hidden else ""


def _runs(lineage: Lineage) -> list[str]:
    rows = [(run.run_id, about_run(run)) for run in lineage.runs]
    return ["runs" if len(rows) > 1 else "run", *_aligned(rows)] if rows else []


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns below each other, indented."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        _GAP
        + _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
