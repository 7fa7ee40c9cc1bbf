"""`taxiway runs reproduce`: a run once more, and whether it comes out the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles
from taxiway.cli.registry import OpenRegistry, open_registry
from taxiway.cli.runs.asked import RUN_HELP, find_run
from taxiway.errors import EXIT_OK, EXIT_RUN_FAILED, ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taxiway.tracking.reproduce.reproduce import Repeated, Report


def reproduce(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    checkout: Annotated[
        bool,
        typer.Option(
            "--checkout", help="With the code of then: its commit and what was changed since."
        ),
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Start though something differs from then.")
    ] = False,
    data: Annotated[
        str, typer.Option(help="Where its input is now; without it where it was then.")
    ] = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Run a run once more, and say whether its metrics are equal to 1e-6.

    What differs now from then (code, lock, packages, data, config) is named before it starts, and
    asked about, or refused where nobody can be asked. The new run has a folder of its own, and is
    no version, no baseline and no push.
    """
    registry = open_registry(config, assignments)
    run_id = _named(registry, run)
    try:
        from taxiway.tracking.reproduce.reproduce import reproduce as repeat
    except ModuleNotFoundError as error:
        raise ConfigError(f"runs cannot be repeated: {error}", edit="taxiway/tracking") from None

    def start(found: Report) -> bool:
        if not as_json:
            _print_before(found)
        if not found.differences or anyway:
            return True
        if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
            return False
        return typer.confirm("start it all the same?", default=False)

    done = repeat(registry.config, run_id, checkout, data, start, quiet=as_json)
    if as_json:
        typer.echo(json.dumps(done.as_json(), indent=2))
    else:
        _print_after(done)
    raise typer.Exit(EXIT_OK if done.is_equal else EXIT_RUN_FAILED)


def _named(registry: OpenRegistry, run: str) -> str:
    """The run that is meant: one with a folder here, or else of the index."""
    if Path(registry.config.output.report_folder(run)).is_dir():
        return run
    return find_run(registry, run).run_id


def _print_before(found: Report) -> None:
    from taxiway.tracking.reproduce.differences import lines

    for text in found.notes:
        _say(text)
    if not found.differences:
        _say(f"run {found.run_id}: nothing differs from then: {found.compared}")
        return
    _say(f"run {found.run_id}: what differs now from then:")
    for text in lines(list(found.differences)):
        _say(f"  {text}")


def _print_after(done: Repeated) -> None:
    if done.verdict is None:
        _say("not started: give --anyway, or --checkout for the code of then")
        return
    verdict = done.verdict
    then, now = verdict.outcomes
    if then != now:
        _say(f"not the same: it {_ended(then, '')} then, and {_ended(now, done.reason)} now")
    if verdict.changes:
        _say(f"not equal: {len(verdict.changes)} of {verdict.compared} metrics differ:")
        for change in verdict.changes[:MOST]:
            _say(f"  {change.text}")
        if len(verdict.changes) > MOST:
            _say(f"  and {len(verdict.changes) - MOST} more")
    elif then == now:
        _say(_equal(done, verdict.compared, now))
    _say(f"report: {done.folder}/report.html")


MOST = 20
"""Metrics that are listed."""


def _equal(done: Repeated, compared: int, outcome: str) -> str:
    what = f"all {compared} metrics are equal to 1e-6" if compared else f"it {outcome} again"
    differs: Sequence[Any] = done.report.differences
    return f"reproduced: {what}, " + (
        "though what is named above differs" if differs else "and nothing differs"
    )


def _ended(outcome: str, reason: str) -> str:
    return f"{outcome} ({reason.splitlines()[0]})" if reason else outcome


def _say(text: str) -> None:
    from taxiway.terminal import one_line

    typer.echo(one_line(text))
