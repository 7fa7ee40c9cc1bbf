"""What became of a move, for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from taxiway.errors import EXIT_RUN_FAILED
from taxiway.terminal import one_line


@dataclass(frozen=True)
class Behind:
    """A gateway that has not taken a move up."""

    gateway: str
    why: str
    """As it says; empty where it says nothing."""


@dataclass(frozen=True)
class Outcome:
    """A move, and who goes by it.

    Args:
      move: as `Move.to_json` of taxiway/registry/routes/moves.py writes it, or of a rollout.
      taken_up_by: gateways that go by it.
      behind: those that live and do not.
    """

    move: Mapping[str, Any]
    taken_up_by: Sequence[str]
    behind: Sequence[Behind]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        late = [{"gateway": one.gateway, "why": one.why} for one in self.behind]
        return {**self.move, "taken_up_by": list(self.taken_up_by), "behind": late}


def tell(outcome: Outcome, waited: float, as_json: bool) -> None:
    """Prints what became of a move; exits with 1 where a gateway has not taken it up."""
    if as_json:
        typer.echo(json.dumps(outcome.to_json(), indent=2))
    else:
        typer.echo(one_line(_moved(outcome.move)))
        _tell_gateways(outcome, waited)
    if outcome.behind:
        raise typer.Exit(EXIT_RUN_FAILED)


def tell_rollout(outcome: Outcome, waited: float | None, as_json: bool) -> None:
    """Prints how a rollout stands after something was asked of it; exits as `tell` does.

    Args:
      outcome: its `move` is the rollout, as `Rollout.to_json` writes it.
      waited: seconds for gateways to take up what it moved; None where it moved nothing.
    """
    if as_json:
        typer.echo(json.dumps(outcome.to_json(), indent=2))
    else:
        typer.echo(one_line(_stands(outcome.move)))
        if waited is not None:
            _tell_gateways(outcome, waited)
    if outcome.behind:
        raise typer.Exit(EXIT_RUN_FAILED)


def _tell_gateways(outcome: Outcome, waited: float) -> None:
    for one in outcome.behind:
        why = one.why or "it gives no reason"
        told = f"gateway {one.gateway} has not taken it up after {waited:g} s: {why}"
        typer.echo(one_line(told), err=True)
    if outcome.taken_up_by:
        count = len(outcome.taken_up_by)
        typer.echo(f"taken up by {'1 gateway' if count == 1 else f'{count} gateways'}")
    elif not outcome.behind:
        typer.echo("no gateway is running, so nobody serves; next: taxiway serve")


def _moved(move: Mapping[str, Any]) -> str:
    there = f" in {move['environment']}" if move["environment"] else ""
    was = f"; before: {_split(move['before']['arms'])}" if move["moved"] else ": it was so already"
    return f"{move['model']}{there}: {_split(move['arms'])} (revision {move['revision']}{was})"


def _stands(rollout: Mapping[str, Any]) -> str:
    there = f" in {rollout['environment']}" if rollout["environment"] else ""
    return (
        f"{rollout['model']}{there}: rollout {rollout['id']} of {rollout['version']} beside "
        f"{rollout['stable']} is {rollout['phase']} with {rollout['weight']:g}%: "
        f"{rollout['reason']}"
    )


def _split(arms: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{arm['version']} {arm['weight']:g}%" for arm in arms)
