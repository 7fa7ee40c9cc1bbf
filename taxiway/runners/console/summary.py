"""What a run prints at its end: metrics, blessings, where the model went, what to do next."""

from __future__ import annotations

import itertools
import json
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from taxiway.metadata.describe import format_metric
from taxiway.terminal import one_line, shell

WORST_SHOWN = 3
PROGRAM = "taxiway"
DEFAULT = "local"
"""The overlay that make gives, if it is told of no other."""
NUMBER_WIDTH = 9
"""Of a metric, at least."""
CONFIG_OPTIONS = ("--config", "-c", "--set", "-s")
UNBOUNDED = 10_000
"""Columns: more than any table takes."""
TONES = {
    "succeeded": "green",
    "failed": "red",
    "killed": "red",
    "stopped": "yellow",
    "interrupted": "yellow",
}


def print_summary(
    console: Console,
    report: Mapping[str, Any],
    folder: str,
    seconds: float,
    loading: float,
    request: str = "",
    predict_url: str = "",
) -> None:
    """Prints a report in the shape of a short page.

    Args:
      console: to print to.
      report: see components/run_report/logic.py.
      folder: where report and log are.
      seconds: of the whole run.
      loading: seconds of them in which TensorFlow and TFX were imported.
      request: a file with a request for the pushed model, if there is one.
      predict_url: where the gateway answers, once it runs.
    """
    outcome = report["outcome"]
    console.print()
    after = f" after {seconds:.1f} s, {loading:.1f} s of them to load TFX"
    console.print(Text.assemble((outcome, f"bold {TONES[outcome]}"), after))
    if report["failure"]:
        _print_failure(console, report["failure"], folder)
    evaluation = report["evaluation"]
    if evaluation:
        _print_metrics(console, evaluation)
        console.print()
        _print_blessings(console, report)
    _field(console, "report", f"{_short(folder)}/report.html")
    serves = report["outcome"] == "succeeded" and report["pushed_to"] and not report["release"]
    _field(console, "next", _serve_command(report) if serves else _next_command(report))
    if serves and request:
        _field(console, "then ask", _curl(request, predict_url))


def _print_metrics(console: Console, evaluation: Mapping[str, Any]) -> None:
    """Metrics by slice; where whole names would be too wide, those of slices stand below."""
    worst = evaluation["worst_slices"][:WORST_SHOWN]
    names = [one_line(item["name"]) for item in worst]
    table = _metrics_table(evaluation, names)
    if _fits(console, table):
        console.print(table)
        return
    heads = [f"slice {number}" for number, _ in enumerate(worst, start=1)]
    table = _metrics_table(evaluation, heads)
    if _fits(console, table):
        console.print(table)
    else:
        console.print(_metrics_table(evaluation, []))
        if worst:
            console.print()
            console.print(_metrics_table(evaluation, heads, with_all=False))
    for head, name in zip(heads, names, strict=True):
        _field(console, head, name)


def _fits(console: Console, table: Table) -> bool:
    unbounded = console.options.update_width(UNBOUNDED)
    return Measurement.get(console, unbounded, table).maximum <= console.width


def _metrics_table(
    evaluation: Mapping[str, Any], heads: Sequence[str], with_all: bool = True
) -> Table:
    """A line for each metric.

    Args:
      evaluation: of the report.
      heads: of the worst slices that are shown; none of them, or all.
      with_all: whether there are columns for all rows, and the change against the baseline.
    """
    change = evaluation["change"]
    worst = evaluation["worst_slices"][: len(heads)]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("metric", overflow="fold")
    for head in ("all rows", *(["vs baseline"] if change else [])) if with_all else ():
        table.add_column(head, justify="right", no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right", overflow="fold", min_width=NUMBER_WIDTH)
    for name, value in sorted(evaluation["overall"].items()):
        differs = change.get(name)
        table.add_row(
            name,
            *([format_metric(value)] if with_all else []),
            *([f"{differs:+.4f}" if differs is not None else ""] if change and with_all else []),
            *(format_metric(item["metrics"].get(name)) for item in worst),
        )
    return table


def _print_blessings(console: Console, report: Mapping[str, Any]) -> None:
    evaluation, infra = report["evaluation"], report["infra"]
    unusable = evaluation["unusable_baseline"]
    against = (
        "compared with the latest blessed model" if evaluation["baseline"] else "no baseline yet"
    )
    if unusable:
        against = f"compared with none, the baseline cannot be used: {unusable}"
    _verdict(console, "evaluator", evaluation["blessed"], against, evaluation["reasons"])
    if infra:
        blessed = infra["blessed"]
        detail = (
            f"p99 {float(infra['latency_p99_ms']):.1f} ms" if infra.get("latency_p99_ms") else ""
        )
        _verdict(console, "infra", blessed, detail, [] if blessed else [str(infra.get("reason"))])
        if infra.get("missing"):
            _field(console, "isolation", Text(f"not whole: {infra['missing']}", style="yellow"))
    if report["pushed_to"]:
        version = f" as version {report['version']}" if report["version"] else ""
        _field(console, "pushed", f"{_short(report['pushed_to'])}{version}")
        if report["release"]:
            _field(
                console, "release", f"{report['release']['version']} {report['release']['told']}"
            )
    else:
        _field(console, "pushed", "no: a model is pushed only where both bless it")


def _verdict(console: Console, who: str, blessed: bool, detail: str, reasons: list[str]) -> None:
    word = Text("blessed" if blessed else "not blessed", style="green" if blessed else "red")
    _field(console, who, word + Text(f" ({detail})" if detail else ""))
    for reason in reasons:
        console.print(Padding(Text(f"- {reason}"), (0, 0, 0, 12)))


def _print_failure(console: Console, failure: Mapping[str, Any], folder: str) -> None:
    lines = str(failure["reason"]).splitlines() or [""]
    _field(console, "node", failure["node"])
    _field(console, "reason", lines[0])
    for line in lines[1:]:
        console.print(Padding(Text(line), (0, 0, 0, 12)))
    if failure.get("edit"):
        _field(console, "edit", failure["edit"])
    _field(console, "log", f"{_short(folder)}/run.log")


def _short(place: str) -> str:
    """A path below the current folder without the way to it."""
    here = f"{Path.cwd()}/"
    return place.removeprefix(here)


def _field(console: Console, name: str, value: str | Text) -> None:
    shown = one_line(value) if isinstance(value, str) else value
    console.print(Text(f"{name:<12}", style="bold") + shown, soft_wrap=True)


def _next_command(report: Mapping[str, Any]) -> str:
    again = _here(report["command"])
    if report["outcome"] != "succeeded":
        return f"{again}  # nodes that are done are not run again"
    if report["pushed_to"] and report["release"]:
        return _release_command(report["release"], report["command"])
    return f"{again} --set model.hyperparameters.learning_rate=0.003"


def _serve_command(report: Mapping[str, Any]) -> str:
    """What answers with a model that was pushed; make's where make ran it as it does by itself."""
    options = _config_options(report["command"])
    if options == ["--config", DEFAULT] and Path("Makefile").is_file():
        return "make serve"
    return _here(shell([PROGRAM, "serve", *options]))


def _curl(request: str, url: str) -> str:
    """Asks for the row of a run's example request, as TensorFlow Serving has columns."""
    columns = json.loads(Path(request).read_text(encoding="utf-8"))
    return shell(["curl", "-d", json.dumps({"inputs": columns}, ensure_ascii=False), url])


def _release_command(release: Mapping[str, Any], command: str) -> str:
    """What comes next for a version that does not serve yet: a review, or a deployment."""
    options = _config_options(command)
    review = ["models", "approve", release["version"]]
    if release["environment"]:
        review += ["--environment", release["environment"]]
    asked = {"pending": review, "approved": ["deploy"], "rejected": ["models", "show", review[2]]}
    return _here(shell([PROGRAM, *asked[release["state"]], *options]))


def _config_options(command: str) -> list[str]:
    """Those by which a command found its config."""
    words = shlex.split(command)
    return [
        word
        for name, value in itertools.pairwise(words)
        for word in (name, value)
        if name in CONFIG_OPTIONS
    ]


def _here(command: str) -> str:
    """A kept command line as this shell finds the program: make's is on no PATH."""
    program, blank, rest = command.partition(" ")
    beside = Path(sys.executable).with_name(program)
    if program != PROGRAM or shutil.which(program) or not beside.is_file():
        return command
    return f"{shell([_short(str(beside))])}{blank}{rest}"
