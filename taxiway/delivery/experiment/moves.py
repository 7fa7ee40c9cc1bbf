"""Starts, ramps and stops an experiment: its route, its record and the audit, in one change."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, insert

from taxiway.delivery.audience import conditions
from taxiway.delivery.experiment import records
from taxiway.delivery.experiment.phases import latest
from taxiway.delivery.experiment.records import RUNNING, ExperimentRecord
from taxiway.delivery.experiment_section import Experiment
from taxiway.delivery.policies.policy import State
from taxiway.delivery.under_way import require_no_experiment, require_no_rollout
from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.catalog.references import find
from taxiway.registry.database.session import Change
from taxiway.registry.database.tables import now, policy_states
from taxiway.registry.routes import records as routes
from taxiway.registry.routes.moves import Move, promote, shape
from taxiway.registry.routes.records import NO_EXTRAS, Extras
from taxiway.registry.routes.route import SLOTS, RoutePolicy
from taxiway.registry.versions.records import ModelVersion

START: Final = "experiment.start"
RAMP: Final = "experiment.ramp"
STOP: Final = "experiment.stop"
_SALT_BYTES: Final = 8


@dataclass(frozen=True)
class Started:
    """An experiment, and the move that began it."""

    record: ExperimentRecord
    move: Move


def resolved(connection: Connection, design: Experiment, model: str) -> Experiment:
    """A design whose arms are named as the registry names versions.

    Raises:
      ConfigError: there is no such version, or two arms are the same one.
    """
    versions = [find(connection, arm.version, model).name for arm in design.arms]
    if len(set(versions)) < len(versions):
        named = ", ".join(arm.version for arm in design.arms)
        raise ConfigError(
            f"two arms are the same version: {named} are {', '.join(versions)}",
            edit="delivery.experiment.arms",
        )
    arms = [
        arm.model_copy(update={"version": version})
        for arm, version in zip(design.arms, versions, strict=True)
    ]
    return design.model_copy(update={"arms": tuple(arms)})


def start(
    change: Change,
    design: Experiment,
    model: str,
    environment: str,
    plan: dict[str, Any],
    learnt: State | None = None,
    expected: int | None = None,
    reason: str = "",
) -> Started:
    """Splits the traffic between the arms, by a salt of its own: experiments are independent.

    Args:
      design: as the config has it.
      plan: what was told of its size, as plain values; see `judging.planning`.
      learnt: what a bandit's policy begins with; None for nothing.
      expected: the revision that the route is at, as far as the caller knows; None for any.

    Raises:
      ConfigError: a version is unknown, or there was an experiment of this name.
      NotApproved: a version may not serve there.
      TaxiwayError: a rollout or an experiment is under way, or as of `moves.shape`.
    """
    connection = change.connection
    require_no_experiment(connection, model, environment)
    require_no_rollout(connection, model, environment)
    design = resolved(connection, design, model)
    if any(one.name == design.name for one in records.history(connection, model, environment)):
        raise ConfigError(
            f"{model} had an experiment '{design.name}' before, whose outcome is kept",
            edit="delivery.experiment.name",
        )
    id_ = records.add(connection, model, environment, design, plan, change.actor.name)
    policy = None
    if design.learns:
        policy = RoutePolicy(id_, design.policy.model_dump(mode="json"))
        versions = [arm.version for arm in design.arms]
        state = learnt or design.policy.initial(versions)
        values = {"experiment_id": id_, "number": 1, "state": state, "updated_at": now()}
        connection.execute(insert(policy_states).values(values))
    extras = Extras(conditions(design.audience), None, policy, secrets.token_hex(_SALT_BYTES))
    weights = _weights(connection, design, model)
    move = shape(change, model, environment, weights, extras, START, expected, reason)
    records.set_first_revision(connection, id_, move.after.revision)
    record = records.by_id(connection, id_)
    assert record is not None
    change.record("experiment.started", record.subject, None, record.to_json(), reason)
    return Started(record, move)


def ramp(
    change: Change, record: ExperimentRecord, slots: Sequence[int], reason: str = ""
) -> Started:
    """Gives the arms other weights; a user leaves an arm only where it gets less than it had.

    What was measured before is left out of the effect from here on, as other days with other
    weights would be compared: Simpson's paradox (Kohavi, Tang and Xu 2020, "Trustworthy Online
    Controlled Experiments", chapter 3).

    Args:
      slots: of each arm, in the order of the design.

    Raises:
      ConfigError: the weights are not those of the arms, or a bandit chooses.
      TaxiwayError: it does not run, or traffic was moved by hand since.
    """
    connection = change.connection
    now_ = _require_running(connection, record)
    if record.design.learns:
        raise ConfigError(
            f"the experiment {record.name} has a policy that chooses ({record.design.policy.kind})",
            edit="`taxiway experiment stop`, and a new one",
        )
    if sum(slots) != SLOTS or len(slots) != len(record.versions) or min(slots) < 1:
        raise ConfigError(
            f"expected weights of {', '.join(record.versions)} that are 100 percent in all",
            edit="VERSION=PERCENT, such as 1.2.7=50 1.3.0=50",
        )
    arms = [
        arm.model_copy(update={"weight": one / 100})
        for arm, one in zip(record.design.arms, slots, strict=True)
    ]
    design = record.design.model_copy(update={"arms": tuple(arms)})
    extras = routes.extras_of(now_.route)
    where = (record.model, record.environment)
    move = shape(
        change, *where, _weights(connection, design, record.model), extras, RAMP, None, reason
    )
    if move.moved:
        records.set_design(connection, record.id, design)
    after = records.by_id(connection, record.id)
    assert after is not None
    return Started(after, move)


def stop(
    change: Change,
    record: ExperimentRecord,
    outcome: dict[str, Any],
    promoted: ModelVersion | None = None,
    reason: str = "",
) -> Move | None:
    """Ends an experiment and keeps what was found; all traffic goes to one version.

    Args:
      outcome: what was found, as plain values.
      promoted: the version that gets all traffic; None for the control.
      reason: why it is stopped.

    Returns:
      The move; None where traffic was moved by hand since, and stays as it is.

    Raises:
      ConfigError: the version to be promoted is no arm.
      NotApproved: it may not serve there any more.
      TaxiwayError: the experiment does not run.
    """
    connection = change.connection
    if record.phase != RUNNING:
        raise TaxiwayError(f"the experiment {record.name} was stopped at {record.stopped_at}")
    if promoted is not None and promoted.name not in record.versions:
        raise ConfigError(
            f"{promoted.name} is no arm of {record.name}, which has {', '.join(record.versions)}",
            edit="--promote",
        )
    winner = promoted or find(connection, record.versions[0], record.model)
    move = None
    phase = latest(connection, record)
    if phase is not None and phase.is_current:
        whole = [(winner, SLOTS)]
        move = shape(change, record.model, record.environment, whole, NO_EXTRAS, STOP, None, reason)
    elif promoted is not None:
        move = promote(change, winner, record.environment, None, reason)
    outcome = outcome | {"serves": winner.name if move else ""}
    records.end(connection, record.id, outcome, reason)
    before, after = {"phase": RUNNING}, {"phase": records.STOPPED, "serves": outcome["serves"]}
    after |= {"recommendation": outcome.get("recommendation")}
    change.record("experiment.stopped", record.subject, before, after, reason)
    return move


def _require_running(connection: Connection, record: ExperimentRecord) -> routes.Revision:
    """The route of a running experiment."""
    if record.phase != RUNNING:
        raise TaxiwayError(f"the experiment {record.name} was stopped at {record.stopped_at}")
    found = routes.current(connection, record.model, record.environment)
    phase = latest(connection, record)
    if found is None or phase is None or not phase.is_current:
        raise TaxiwayError(
            f"traffic was moved since the experiment {record.name} split it: "
            f"{phase.moved if phase else 'there is no route'}",
            edit="`taxiway experiment stop`",
        )
    return found


def _weights(
    connection: Connection, design: Experiment, model: str
) -> list[tuple[ModelVersion, int]]:
    return [
        (find(connection, arm.version, model), slots)
        for arm, slots in zip(design.arms, design.slots, strict=True)
    ]
