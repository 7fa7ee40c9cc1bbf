"""Experiments in the registry: how one was designed, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, insert, select, update

from taxiway.delivery.experiment_section import Experiment
from taxiway.errors import TaxiwayError, did_you_mean
from taxiway.registry.approval.states import in_environment
from taxiway.registry.database.tables import experiments, now

RUNNING: Final = "running"
STOPPED: Final = "stopped"
Phase = Literal["running", "stopped"]


@dataclass(frozen=True)
class ExperimentRecord:
    """An experiment that was started.

    Args:
      id: of its row, by which a route's policy names it.
      model: name.
      environment: of the route.
      phase: whether it splits traffic still.
      design: as it began; its arms' versions are names of the registry, the first the control's.
      plan: what was told of its size; see `judging.planning`.
      first_revision: of the route, that it made.
      stopped_at: empty while it runs.
      outcome: what was found when it stopped, as plain values.
      reason: why it was stopped.
    """

    id: int
    model: str
    environment: str
    phase: Phase
    design: Experiment
    plan: dict[str, Any]
    first_revision: int
    started_by: str
    started_at: str
    stopped_at: str
    outcome: dict[str, Any]
    reason: str

    @property
    def name(self) -> str:
        """Of the experiment."""
        return self.design.name

    @property
    def versions(self) -> tuple[str, ...]:
        """Of its arms; the first is the control."""
        return tuple(arm.version for arm in self.design.arms)

    @property
    def planned_per_arm(self) -> int | None:
        """Users for whom the bounds are made the narrowest; None where that was not known."""
        found = self.plan.get("per_arm")
        return None if found is None else int(found)

    @property
    def subject(self) -> str:
        """As the audit names it."""
        return f"{self.model}:{self.name}"

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "id": self.id,
            "name": self.name,
            "model": self.model,
            "environment": self.environment,
            "phase": self.phase,
            "arms": [
                {"version": version, "weight": slots / 100}
                for version, slots in zip(self.versions, self.design.slots, strict=True)
            ],
            "policy": self.design.policy.kind,
            "plan": self.plan,
            "started_by": self.started_by,
            "started_at": self.started_at,
            "stopped_at": self.stopped_at,
            "outcome": self.outcome,
            "reason": self.reason,
        }


def running(connection: Connection, environment: str) -> list[ExperimentRecord]:
    """All that split traffic in an environment, oldest first."""
    of = experiments.c
    query = select(experiments).where(of.environment == environment, of.phase == RUNNING)
    return [_record(row) for row in connection.execute(query.order_by(of.id))]


def history(connection: Connection, model: str, environment: str) -> list[ExperimentRecord]:
    """All of a model in an environment, newest first."""
    of = experiments.c
    query = select(experiments).where(of.model == model, of.environment == environment)
    return [_record(row) for row in connection.execute(query.order_by(of.id.desc()))]


def find_experiment(
    connection: Connection, model: str, environment: str, name: str = ""
) -> ExperimentRecord:
    """One by its name; without it the one that runs, or else the last that did.

    Raises:
      TaxiwayError: there is none, with the names that there are.
    """
    found = history(connection, model, environment)
    for one in found:
        if name in ("", one.name):
            return one
    there = in_environment(environment)
    if not name:
        raise TaxiwayError(
            f"{model} had no experiment{there} yet",
            edit="delivery.experiment in the config, and `taxiway experiment start`",
        )
    names = [one.name for one in found]
    raise TaxiwayError(
        f"{model} had no experiment '{name[:80]}'{there}{did_you_mean(name[:80], names)} "
        f"(it had: {', '.join(names[:20]) or 'none'})",
        edit="`taxiway experiment list`",
    )


def by_id(connection: Connection, experiment: int) -> ExperimentRecord | None:
    """The one that a route's policy names; None where there is none."""
    query = select(experiments).where(experiments.c.id == experiment)
    row = connection.execute(query).one_or_none()
    return None if row is None else _record(row)


def add(
    connection: Connection,
    model: str,
    environment: str,
    design: Experiment,
    plan: dict[str, Any],
    started_by: str,
) -> int:
    """Writes one that is to start, and gives its id; `set_first_revision` follows."""
    values = {
        "name": design.name,
        "model": model,
        "environment": environment,
        "phase": RUNNING,
        "design": design.model_dump(mode="json"),
        "plan": plan,
        "first_revision": 0,
        "started_by": started_by,
        "started_at": now(),
    }
    made = connection.execute(insert(experiments).values(values)).inserted_primary_key
    assert made is not None
    return int(made[0])


def set_first_revision(connection: Connection, experiment: int, revision: int) -> None:
    """Says which revision of the route it has made."""
    of = experiments.c
    connection.execute(
        update(experiments).where(of.id == experiment).values(first_revision=revision)
    )


def set_design(connection: Connection, experiment: int, design: Experiment) -> None:
    """Says how its weights are now."""
    of = experiments.c
    values = {"design": design.model_dump(mode="json")}
    connection.execute(update(experiments).where(of.id == experiment).values(values))


def end(connection: Connection, experiment: int, outcome: dict[str, Any], reason: str) -> None:
    """Says that it splits no traffic any more."""
    of = experiments.c
    values = {"phase": STOPPED, "stopped_at": now(), "outcome": outcome, "reason": reason}
    connection.execute(update(experiments).where(of.id == experiment).values(values))


def _record(row: Row[Any]) -> ExperimentRecord:
    return ExperimentRecord(
        row.id,
        row.model,
        row.environment,
        row.phase,
        Experiment.model_validate(row.design),
        row.plan,
        row.first_revision,
        row.started_by,
        row.started_at,
        row.stopped_at,
        row.outcome,
        row.reason,
    )
