"""`taxiway rollout status` and `history`: how traffic is split and why, now and before."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, Environment
from taxiway.cli.registry import open_registry
from taxiway.cli.rollout.commands import ModelOption
from taxiway.cli.table import print_table, table_console
from taxiway.errors import EXIT_RUN_FAILED, ConfigError
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.cli.registry import OpenRegistry
    from taxiway.delivery.rollout.state import Event, Rollout
    from taxiway.registry.routes.gateways import Gateway
    from taxiway.registry.routes.records import Revision

_LOOK_SECONDS: Final = 1.0
"""Between two looks of `--watch`."""


def status(
    model: ModelOption = "",
    environment: Environment = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            "-w",
            help="Until the open rollout ends: shown live on a terminal; exits with 1 if it ends "
            "otherwise than with all traffic on its version.",
        ),
    ] = False,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Say how traffic is split, how far the open rollout is, and which gateways go by it."""
    registry = open_registry(config, assignments)
    from taxiway.delivery.rollout.records import open_rollout
    from taxiway.registry.routes.gateways import live_gateways
    from taxiway.registry.routes.moves import undo_target
    from taxiway.registry.routes.records import current

    name, where = model or registry.model, registry.environment(environment)
    if watch:
        _watch(registry, name, where, as_json)
        return
    with registry.database.reading() as connection:
        now = current(connection, name, where)
        before = now and undo_target(connection, now)
        gateways = live_gateways(connection, name, where)
        rollout = open_rollout(connection, name, where)
    if as_json:
        found = _as_json(name, where, now, before, gateways)
        found["rollout"] = rollout and rollout.to_json()
        typer.echo(json.dumps(found, indent=2))
        return
    if now is None:
        there = f" in {where}" if where else ""
        typer.echo(one_line(f"no version of {name} serves{there}; next: taxiway serve"))
        return
    _print_status(now, before, gateways)
    if rollout is not None:
        _print_rollout(rollout)


def history(
    rollout: Annotated[
        int | None, typer.Argument(metavar="[ID]", min=1, help="Of one; without it the newest.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=1_000, help="How many.")] = 10,
    model: ModelOption = "",
    environment: Environment = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Say which rollouts there were, and what happened in each and why; the newest comes last."""
    registry = open_registry(config, assignments)
    from taxiway.delivery.rollout.records import events_of, read_rollout, rollouts_of

    name, where = model or registry.model, registry.environment(environment)
    with registry.database.reading() as connection:
        if rollout is not None:
            one = read_rollout(connection, rollout)
            if one is None:
                raise ConfigError(f"there is no rollout {rollout}", edit="`rollout history`")
            found = [one]
        else:
            found = rollouts_of(connection, name, where, most)[::-1]
        told = [(one, events_of(connection, one.id)) for one in found]
    if as_json:
        events = [[event.to_json() for event in happened] for _, happened in told]
        rows = [one.to_json() for one in found]
        made = [row | {"events": of} for row, of in zip(rows, events, strict=True)]
        typer.echo(json.dumps(made, indent=2))
        return
    if not told:
        there = f" in {where}" if where else ""
        typer.echo(one_line(f"no rollout of {name}{there} yet; next: taxiway rollout start"))
    for one, happened in told:
        _print_history(one, happened)


def _print_history(rollout: Rollout, events: list[Event]) -> None:
    of = f"rollout {rollout.id} of {rollout.subject} beside {rollout.stable}"
    typer.echo(one_line(f"{of} ({rollout.strategy.kind}): {rollout.phase}: {rollout.reason}"))
    rows = [(run[-1].at, run[-1].event, _what(run)) for run in _runs_of_looks(events)]
    print_table(("at", "event", "what"), rows)


def _runs_of_looks(events: Iterable[Event]) -> list[list[Event]]:
    """Events in their order; looks that follow each other with one verdict stand together."""

    def verdict(one: tuple[int, Event]) -> tuple[int, str]:
        place, event = one
        return (-1, event.detail["verdict"]) if event.event == "look" else (place, "")

    return [[event for _, event in run] for _, run in groupby(enumerate(events), verdict)]


def _what(run: Sequence[Event]) -> str:
    """What happened, for people; of looks with one verdict, the last one."""
    event = run[-1]
    times = f", {len(run):,} times since {run[0].at}" if len(run) > 1 else ""
    return f"{_told(event)}{times}"


def _told(event: Event) -> str:
    """What happened, for people."""
    detail = event.detail
    if event.event == "look":
        metrics = [f"{one['name']} {one['verdict']}: {one['why']}" for one in detail["metrics"]]
        return f"{detail['verdict']} ({'; '.join(metrics)})"
    if event.event in ("promoted", "aborted", "inconclusive"):
        return str(detail["reason"])
    if event.event == "step":
        return f"{detail['is']}, with {detail['weight']:g}%"
    return ", ".join(f"{key} {value}" for key, value in detail.items())


def _print_rollout(rollout: Rollout) -> None:
    from taxiway.cli.rollout.view import shown

    table_console().print(shown(rollout, time.time()))


def _watch(registry: OpenRegistry, model: str, environment: str, as_json: bool) -> None:
    """Waits for the end of the newest rollout; nothing is shown before where that is no terminal.

    Raises:
      ConfigError: there never was one.
    """
    from taxiway.cli.rollout.view import shown
    from taxiway.runners.console.live import live

    console = table_console()
    rollout = _newest(registry, model, environment)
    if not as_json and console.is_terminal:
        with live(console, shown(rollout, time.time())) as display:
            while rollout.is_open:
                time.sleep(_LOOK_SECONDS)
                rollout = _newest(registry, model, environment)
                display.update(shown(rollout, time.time()))
    else:
        while rollout.is_open:
            time.sleep(_LOOK_SECONDS)
            rollout = _newest(registry, model, environment)
        if as_json:
            typer.echo(json.dumps(rollout.to_json(), indent=2))
        else:
            _print_rollout(rollout)
    if rollout.phase != "Healthy":
        raise typer.Exit(EXIT_RUN_FAILED)


def _newest(registry: OpenRegistry, model: str, environment: str) -> Rollout:
    from taxiway.delivery.rollout.records import rollouts_of

    with registry.database.reading() as connection:
        found = rollouts_of(connection, model, environment, most=1)
    if not found:
        raise ConfigError(
            f"there was no rollout of {one_line(model)} to watch", edit="`taxiway rollout start`"
        )
    return found[0]


def _print_status(now: Revision, before: Revision | None, gateways: list[Gateway]) -> None:
    from taxiway.registry.routes.moves import in_words

    route = now.route
    why = f": {now.reason}" if now.reason else ""
    there = f" in {route.environment}" if route.environment else ""
    made = f"{now.action} by {now.moved_by} at {now.moved_at}{why}"
    typer.echo(one_line(f"{route.model}{there}, revision {route.revision}, {made}"))
    rows = [(arm.name, arm.version, f"{arm.weight:g}", str(arm.number)) for arm in route.arms]
    print_table(("arm", "version", "weight %", "number"), rows, right=("weight %", "number"))
    target = in_words(before.route) if before else "nothing: there was no route before"
    typer.echo(one_line(f"undo goes back to {target}"))
    if not gateways:
        typer.echo("no gateway is running, so nobody serves; next: taxiway serve")
        return
    rows = [
        (
            f"{one.host}:{one.pid}",
            one.seen_at,
            str(one.revisions.get(route.model, 0)),
            "yes" if one.has_taken_up(route) else one.error_of(route) or "not yet",
        )
        for one in gateways
    ]
    print_table(("gateway", "seen at", "revision", "taken up"), rows, right=("revision",))


def _as_json(
    model: str,
    environment: str,
    now: Revision | None,
    before: Revision | None,
    gateways: list[Gateway],
) -> dict[str, Any]:
    return {
        "model": model,
        "environment": environment,
        "revision": now.route.revision if now else 0,
        "arms": [arm.to_json() for arm in now.route.arms] if now else [],
        "action": now.action if now else "",
        "moved_by": now.moved_by if now else "",
        "moved_at": now.moved_at if now else "",
        "reason": now.reason if now else "",
        "undo": [arm.to_json() for arm in before.route.arms] if before else [],
        "gateways": [one.to_json() for one in gateways],
    }
