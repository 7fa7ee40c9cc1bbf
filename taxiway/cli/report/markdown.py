"""A report in short, as Markdown: what a pull request shows of a run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from taxiway.html.figures import counted, figure, signed
from taxiway.terminal import one_line

WORST: Final = 5
WARNINGS: Final = 10
LONGEST: Final = 300
"""Of a reason or a description."""
_SPECIAL: Final = re.compile(r"([\\`*{}\[\]<>#|~!&@$]|(?<!\w)_|_(?!\w))")
"""What Markdown, HTML or a forge (a mention, an issue) would read as more than text."""


def as_markdown(report: Mapping[str, Any]) -> str:
    """Outcome, metrics beside the baseline, goals, worst slices and the gate; absent parts too.

    Args:
      report: of report.json; one of an older release lacks some keys.
    """
    evaluation = report.get("evaluation") or {}
    parts = [
        _head(report),
        _metrics(evaluation, report.get("baselines") or {}),
        _goals(report.get("goals") or ()),
        _slices(evaluation),
        _gate(report),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _head(report: Mapping[str, Any]) -> list[str]:
    outcome = str(report.get("outcome", "unknown"))
    told = report.get("sentence") or outcome
    return [
        f"### {escaped(report.get('pipeline', ''))}: {escaped(outcome)}",
        "",
        escaped(told),
        "",
        f"Run {escaped(report.get('run_id', ''))}, {report.get('seconds', 0):,.1f} s in nodes.",
    ]


def _metrics(evaluation: Mapping[str, Any], baselines: Mapping[str, Any]) -> list[str]:
    overall, change = evaluation.get("overall") or {}, evaluation.get("change") or {}
    if not overall:
        return ["No model was evaluated."]
    linear = (baselines.get("linear") or {}).get("metrics") or {}
    head = ["metric", "all rows"]
    head += ["baseline", "change"] if change else []
    head += ["linear model"] if linear else []
    rows = []
    for name, value in sorted(overall.items()):
        row = [name, figure(value)]
        if change:
            moved = change.get(name)
            known = moved is not None and value is not None
            row += [figure(value - moved), signed(moved)] if known else ["", ""]
        if linear:
            row.append(figure(linear[name]) if name in linear else "")
        rows.append(row)
    blessed = "blessed" if evaluation.get("blessed") else "not blessed"
    reasons = [f"- {escaped(one)}" for one in evaluation.get("reasons") or ()]
    lines = [f"The Evaluator has {blessed} the model.", *reasons, "", *table(head, rows)]
    return lines if change else [*lines, "", "There was no baseline to compare with."]


def _goals(goals: Sequence[Mapping[str, Any]]) -> list[str]:
    if not goals:
        return []
    words = {True: "met", False: "**not met**"}
    rows = [
        (
            escaped(one["name"]),
            words.get(one["met"], "not on record"),
            figure(one["value"]),
            escaped(one["wanted"]),
            escaped(one["of"]),
        )
        for one in goals
    ]
    return [
        "#### Goals",
        "",
        *table(("goal", "met", "measured", "wanted", "of"), rows, is_escaped=True),
    ]


def _slices(evaluation: Mapping[str, Any]) -> list[str]:
    name = evaluation.get("ranked_by")
    worst = [one for one in evaluation.get("by_slice") or () if one.get("is_ranked")][:WORST]
    if not name or not worst:
        return []
    rows = [
        (one["name"], figure(one.get("rows")), figure(one["metrics"].get(name))) for one in worst
    ]
    return [f"#### Worst slices by {escaped(name)}", "", *table(("slice", "rows", name), rows)]


def _gate(report: Mapping[str, Any]) -> list[str]:
    gate = report.get("gate")
    if gate is None:
        return ["#### Data", "", "DataGate did not let the run pass, or has not decided."]
    warns = gate.get("warns") or ()
    with_warnings = f", with {counted(len(warns), 'warning')}" if warns else ""
    told = f"DataGate let the run pass{with_warnings}."
    found = [
        f"- {escaped(one['source'])} {escaped(str(one['severity']).lower())}, "
        f"{escaped(one['split'])}/{escaped(one['column'])}: {escaped(one['description'])}"
        for one in warns[:WARNINGS]
    ]
    rest = [f"- and {len(warns) - WARNINGS} more"] if len(warns) > WARNINGS else []
    return ["#### Data", "", told, *([""] if found else []), *found, *rest]


def table(
    head: Iterable[str], rows: Iterable[Iterable[str]], is_escaped: bool = False
) -> Iterator[str]:
    """Lines of a table; the first column is text, the others stand to the right.

    Args:
      head: names of columns.
      rows: of cells.
      is_escaped: the cells of rows are Markdown already.
    """
    names = [escaped(one) for one in head]
    yield _row(names)
    yield _row(["---", *["---:"] * (len(names) - 1)])
    for row in rows:
        yield _row([one if is_escaped else escaped(one) for one in row])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escaped(value: object) -> str:
    """Any text on one line, as text and nothing else."""
    text = one_line(str(value))
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return _SPECIAL.sub(r"\\\1", shown)
