"""Sweeps and their trials in the registry: what a killed sweep goes on from.

A trial is a row before its run begins, and is written again when that has ended. One that is still
`running` when nobody runs the sweep was killed, and is run anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Row, delete, func, insert, select, update

from taxiway.errors import ConfigError
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import now, sweep_trials, sweeps

State = Literal["running", "complete", "pruned", "failed", "stopped", "interrupted"]
DONE: Final[tuple[State, ...]] = ("complete", "pruned", "failed", "stopped")
"""States of trials that are not run again."""


@dataclass(frozen=True)
class Sweep:
    """A search through hyperparameters, as it was asked for."""

    model: str
    design_digest: str
    design: Mapping[str, Any]
    config: Mapping[str, Any]
    code_digest: str
    started_by: str
    id: int = 0
    started_at: str = ""
    ended_at: str = ""
    ending: str = ""
    """Why no further trial begins; empty while some may."""


@dataclass(frozen=True)
class Trial:
    """One run of a sweep."""

    number: int
    """From 1 on."""
    given: Mapping[str, str]
    """What it was given, as YAML, by key of the config."""
    run_id: str
    state: State = "running"
    objective: float | None = None
    curve: Sequence[float] = ()
    """One value for each epoch, lower or better as the objective is."""
    nodes: Mapping[str, str] = field(default_factory=dict)
    """How each node ended: complete, cached, failed, skipped, ..."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    """Of a state that is no success."""
    seconds: float = 0.0


def begin_sweep(database: Database, sweep: Sweep) -> Sweep:
    """Writes a new one, and gives it with its id."""
    values = {**asdict(sweep), "started_at": now()}
    del values["id"]
    with database.working() as connection:
        made = connection.execute(insert(sweeps).values(values))
    assert made.inserted_primary_key is not None
    return read_sweep(database, int(made.inserted_primary_key[0]))


def read_sweep(database: Database, sweep_id: int) -> Sweep:
    """One by its id.

    Raises:
      ConfigError: there is no such.
    """
    with database.reading() as connection:
        row = connection.execute(select(sweeps).where(sweeps.c.id == sweep_id)).one_or_none()
        newest = connection.execute(select(func.max(sweeps.c.id))).scalar()
    if row is None:
        known = f"the newest is {newest}" if newest else "there is none yet"
        raise ConfigError(
            f"there is no sweep {sweep_id} in {database.place} ({known}); "
            "`taxiway sweep list` lists them",
            edit="the command line",
        )
    return _sweep(row)


def list_sweeps(database: Database, limit: int | None = None) -> list[Sweep]:
    """The newest first."""
    query = select(sweeps).order_by(sweeps.c.id.desc()).limit(limit)
    with database.reading() as connection:
        return [_sweep(row) for row in connection.execute(query)]


def unfinished_sweep(database: Database, design_digest: str) -> Sweep | None:
    """The newest of a design that has not ended."""
    of = sweeps.c
    query = select(sweeps).where(of.design_digest == design_digest, of.ended_at == "")
    with database.reading() as connection:
        row = connection.execute(query.order_by(of.id.desc()).limit(1)).one_or_none()
    return None if row is None else _sweep(row)


def end_sweep(database: Database, sweep_id: int, ending: str) -> None:
    """No further trial begins; says why. An empty reason opens it again."""
    values = {"ended_at": now() if ending else "", "ending": ending}
    with database.working() as connection:
        connection.execute(update(sweeps).where(sweeps.c.id == sweep_id).values(values))


def write_trial(database: Database, sweep_id: int, trial: Trial) -> None:
    """Writes a trial, in place of what was on record of its number."""
    of = sweep_trials.c
    values = {**asdict(trial), "curve": list(trial.curve), "sweep_id": sweep_id}
    with database.working() as connection:
        connection.execute(
            delete(sweep_trials).where(of.sweep_id == sweep_id, of.number == trial.number)
        )
        connection.execute(insert(sweep_trials).values(values))


def trials_of(database: Database, sweep_id: int) -> list[Trial]:
    """In the order of their numbers."""
    of = sweep_trials.c
    query = select(sweep_trials).where(of.sweep_id == sweep_id).order_by(of.number)
    with database.reading() as connection:
        return [_trial(row) for row in connection.execute(query)]


def _sweep(row: Row[Any]) -> Sweep:
    return Sweep(**row._mapping)


def _trial(row: Row[Any]) -> Trial:
    values = dict(row._mapping)
    del values["id"], values["sweep_id"]
    return Trial(**values)
