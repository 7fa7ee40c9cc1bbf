"""What moves a model's traffic by evidence: one thing at a time, a rollout or an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from taxiway.errors import TaxiwayError
from taxiway.registry.approval.states import in_environment
from taxiway.registry.database.tables import experiments, rollouts


@dataclass(frozen=True)
class UnderWay:
    """A rollout or an experiment that has not ended.

    Args:
      id: of its row.
      name: of an experiment; of a rollout, the version on its way.
      started_by: who began it.
      started_at: when.
    """

    id: int
    name: str
    started_by: str
    started_at: str


def open_experiment(connection: Connection, model: str, environment: str) -> UnderWay | None:
    """The experiment that has not been stopped; None where there is none."""
    row = _open(connection, experiments, "stopped_at", model, environment)
    return None if row is None else UnderWay(row.id, row.name, row.started_by, row.started_at)


def open_rollout(connection: Connection, model: str, environment: str) -> UnderWay | None:
    """The rollout that has not ended; None where there is none."""
    row = _open(connection, rollouts, "ended_at", model, environment)
    return None if row is None else UnderWay(row.id, row.version, row.started_by, row.started_at)


def require_no_experiment(connection: Connection, model: str, environment: str) -> None:
    """Raises where an experiment splits the traffic, in the change that would move it.

    Raises:
      TaxiwayError: one does.
    """
    found = open_experiment(connection, model, environment)
    if found is not None:
        raise TaxiwayError(
            f"the experiment {found.name} of {model}{in_environment(environment)} is under way: "
            f"{found.started_by} started it at {found.started_at}, and it splits the traffic",
            edit="`taxiway experiment stop`, which ends it, or `taxiway experiment status`",
        )


def require_no_rollout(connection: Connection, model: str, environment: str) -> None:
    """As `require_no_experiment`, of a rollout.

    Raises:
      TaxiwayError: one is under way.
    """
    found = open_rollout(connection, model, environment)
    if found is not None:
        raise TaxiwayError(
            f"the rollout of {model}/{found.name}{in_environment(environment)} is under way: "
            f"{found.started_by} started it at {found.started_at}, and it moves the traffic",
            edit="`taxiway rollout promote` or `abort`, which end it, or `taxiway rollout status`",
        )


def _open(
    connection: Connection, table: Table, ended: str, model: str, environment: str
) -> Row[Any] | None:
    """The newest row without an end."""
    of = table.c
    query = select(table).where(of.model == model, of.environment == environment)
    return connection.execute(
        query.where(of[ended] == "").order_by(of.id.desc()).limit(1)
    ).one_or_none()
