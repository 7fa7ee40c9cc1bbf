"""The index of runs: what is asked of them often, in one table; taxiway/tracking fills it.

It holds nothing of its own: ML Metadata and the runs' folders do, and it can be made anew from
them. Tags and notes are in other tables and stay.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select

from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import now, runs

UNFINISHED: Final = "unfinished"
"""An outcome that no ended run has: it is under way, or was killed and no run has found it yet."""
AT_ONCE: Final = 500
"""Rows in a statement and a transaction: a run that ends meanwhile waits for no more of them."""


@dataclass(frozen=True)
class IndexedRun:
    """A run, as the index has it."""

    run_id: str
    pipeline: str
    model: str
    outcome: str
    """One of `Outcome` (metadata/records.py), or UNFINISHED."""
    started_at: str
    """As `now` writes it; empty where nothing says it."""
    seconds: float
    """From its start to the end of its last node."""
    failure: str
    """Node and reason; empty where nothing failed."""
    version: str
    """Of the model that it pushed; empty where it pushed none."""
    metrics: Mapping[str, float]
    facts: Mapping[str, Any]
    """command, config_digest, spans, report, runner, commit, cost; and `lacks`: what is not known,
    and why."""
    folder: str
    search_text: str = ""
    """Folded (see search/text.py): every word that a run may be looked for by."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """The resolved config: values by dotted key."""
    slices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Metrics by slice."""
    indexed_at: str = field(default="", compare=False)


def write_runs(database: Database, found: Sequence[IndexedRun]) -> None:
    """Puts runs into the index, in place of what it had of them."""
    for begin in range(0, len(found), AT_ONCE):
        part = found[begin : begin + AT_ONCE]
        rows = [asdict(one) | {"indexed_at": now()} for one in part]
        with database.working() as connection:
            connection.execute(delete(runs).where(runs.c.run_id.in_([one.run_id for one in part])))
            connection.execute(insert(runs), rows)


def forget_runs(database: Database, run_ids: Collection[str]) -> None:
    """Takes runs out of the index."""
    wanted = sorted(run_ids)
    for begin in range(0, len(wanted), AT_ONCE):
        part = wanted[begin : begin + AT_ONCE]
        with database.working() as connection:
            connection.execute(delete(runs).where(runs.c.run_id.in_(part)))


def indexed_ids(database: Database) -> set[str]:
    """Every run that the index has."""
    with database.reading() as connection:
        return set(connection.execute(select(runs.c.run_id)).scalars())


def read_run(connection: Connection, run_id: str) -> IndexedRun | None:
    """All that the index has of a run; None where it does not know it."""
    row = connection.execute(select(runs).where(runs.c.run_id == run_id)).first()
    return None if row is None else _run_of(row)


def list_runs(
    database: Database, limit: int | None = None, pipeline: str = "", outcome: str = ""
) -> list[IndexedRun]:
    """The newest runs first.

    Args:
      database: the registry.
      limit: how many at most; None means all.
      pipeline: only this one's; empty means any.
      outcome: only those that ended so; empty means any.
    """
    query = select(runs).order_by(runs.c.started_at.desc(), runs.c.run_id.desc()).limit(limit)
    if pipeline:
        query = query.where(runs.c.pipeline == pipeline)
    if outcome:
        query = query.where(runs.c.outcome == outcome)
    with database.reading() as connection:
        return [_run_of(row) for row in connection.execute(query)]


def _run_of(row: Row[Any]) -> IndexedRun:
    return IndexedRun(**row._mapping)
