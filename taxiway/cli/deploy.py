"""`taxiway deploy`: publishes what the deploy queue holds, and acknowledges it."""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, Environment
from taxiway.cli.registry import open_registry
from taxiway.errors import EXIT_RUN_FAILED, ConfigError, TaxiwayError
from taxiway.terminal import one_line, print_error, shell

if TYPE_CHECKING:
    from taxiway.registry.deploy.deployer import Outcome
    from taxiway.registry.deploy.queue import QueueEntry

STOPS: Final = (signal.SIGINT, signal.SIGTERM)


def deploy(
    environment: Environment = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on and wait for more, until SIGINT or SIGTERM.")
    ] = False,
    interval: Annotated[
        float, typer.Option(min=0.1, help="Seconds between two looks at the queue, with --watch.")
    ] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Publish what waits for the config's model and environment, and acknowledge it.

    Exits with 1 where an entry was refused; --watch goes on. With --json a list, or with --watch an
    object per line as it happens.
    """
    from taxiway.registry.deploy.deployer import Deployer

    registry = open_registry(config, assignments, environment)
    _check_at_once(registry.config.delivery.strategy.kind)
    deployer = Deployer(registry.database, registry.config.push, registry.actor)
    outcomes: list[Outcome] = []
    if watch and not as_json:
        typer.echo(f"watching the queue of {registry.model}; Ctrl-C ends")
    with _Stop() as stop:
        while True:
            try:
                for outcome in deployer.deploy(registry.model):
                    outcomes = [*([] if watch else outcomes), outcome]
                    _tell(outcome, as_json=as_json, watch=watch)
                    if stop.asked:
                        break
            except TaxiwayError as error:
                if not watch:
                    raise
                print_error(f"error: {error}")
            if not watch or stop.comes_within(interval):
                break
    if watch:
        return
    waiting = deployer.queue.waiting(registry.model)
    if as_json:
        typer.echo(json.dumps([outcome.to_json() for outcome in outcomes], indent=2))
    elif waiting:
        typer.echo(_held(waiting[0]))
    elif not outcomes:
        typer.echo(f"nothing of {registry.model} waits to be deployed")
    if any(outcome.state == "refused" for outcome in outcomes):
        raise typer.Exit(EXIT_RUN_FAILED)


def deploy_command(
    config: Sequence[str] | None, assignments: Sequence[str] | None, environment: str | None = None
) -> str:
    """The `taxiway deploy` that goes by the same config and environment as another command."""
    options = ["--environment", environment] if environment else []
    options += [word for overlay in config or () for word in ("--config", overlay)]
    options += [word for value in assignments or () for word in ("--set", value)]
    return shell(["taxiway", "deploy", *options])


def _check_at_once(kind: str) -> None:
    """Refuses a strategy that only gateways can carry out: nobody here measures a version.

    Raises:
      ConfigError: it is one.
    """
    if kind != "at_once":
        raise ConfigError(
            f"delivery.strategy.kind is '{kind}', which gateways carry out: they deploy what waits "
            "in the queue, and `taxiway deploy` would give it all traffic at once",
            edit="`taxiway serve`; or here `--set delivery.strategy.kind=at_once`",
        )


class _Stop:
    """SIGINT and SIGTERM: the first lets the entry at hand be finished, a second ends at once."""

    def __init__(self) -> None:
        self.asked = False
        self._came, self._told = os.pipe()
        self._before = {one: signal.getsignal(one) for one in STOPS}

    def __enter__(self) -> _Stop:
        for one in STOPS:
            signal.signal(one, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()
        os.close(self._came)
        os.close(self._told)

    def comes_within(self, seconds: float) -> bool:
        """Waits so long at most; whether it came."""
        select.select([self._came], [], [], seconds)
        return self.asked

    def _ask(self, *_: object) -> None:
        self.asked = True
        self._restore()
        os.write(self._told, b".")  # wakes who waits; a lock could not be taken here

    def _restore(self) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)


def _tell(outcome: Outcome, *, as_json: bool, watch: bool) -> None:
    if as_json:
        if watch:
            typer.echo(json.dumps(outcome.to_json()))
        return
    subject = outcome.entry.subject
    if outcome.state == "done":
        how = "copied" if outcome.copied else "it was there already"
        typer.echo(one_line(f"{subject} serves from {outcome.place} ({how})"))
    else:
        typer.echo(one_line(f"{subject} is {outcome.state}: {outcome.reason}"))


def _held(entry: QueueEntry) -> str:
    """Why something still waits after all that could be taken was."""
    from datetime import datetime, timezone

    if entry.state != "taken":
        return one_line(f"{entry.subject} waits")
    until = datetime.fromtimestamp(entry.lease_until or 0.0, timezone.utc)
    return one_line(
        f"{entry.subject} is held by {entry.taken_by}, until {until:%Y-%m-%dT%H:%M:%SZ} at least "
        "(registry.lease_seconds)"
    )
