"""What a bandit learns from rewards: each observation once, whoever is killed meanwhile.

    gateway -> table policy_observations -> learn, by the one that holds the lease -> policy_states

An observation leaves its table in the transaction that writes the state which has learnt it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from taxiway.delivery.experiment import records
from taxiway.delivery.policies.policy import Observation, State, sound
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import (
    experiments,
    now,
    policy_observations,
    policy_states,
)

AT_ONCE: Final = 200
"""Rows of observations that one transaction learns from; the next takes the others."""


@dataclass(frozen=True)
class PolicyState:
    """What an experiment's policy has learnt.

    Args:
      experiment: its id, which a route's policy names.
      number: one more with each update.
      state: of the policy.
      reward: name of the rewards that it learns from.
    """

    experiment: int
    number: int
    state: State
    reward: str


@dataclass(frozen=True)
class Learnt:
    """What one update has done.

    Args:
      rows: that were taken out of the table.
      observations: that the state has learnt from.
      refused: of those that it cannot learn from, why.
    """

    rows: int
    observations: int
    refused: tuple[str, ...] = ()


def states(connection: Connection, environment: str) -> dict[int, PolicyState]:
    """Of each experiment that runs and has a bandit, what it has learnt."""
    of = experiments.c
    query = (
        select(policy_states, of.design)
        .join(experiments, of.id == policy_states.c.experiment_id)
        .where(of.environment == environment, of.phase == records.RUNNING)
    )
    return {
        row.experiment_id: PolicyState(
            row.experiment_id, row.number, row.state, row.design["primary_metric"]["name"]
        )
        for row in connection.execute(query)
    }


def state_numbers(connection: Connection, environment: str) -> dict[int, int]:
    """As `states`, the numbers only; cheap enough to be asked all the time."""
    of = experiments.c
    query = (
        select(policy_states.c.experiment_id, policy_states.c.number)
        .join(experiments, of.id == policy_states.c.experiment_id)
        .where(of.environment == environment, of.phase == records.RUNNING)
    )
    return {row.experiment_id: row.number for row in connection.execute(query)}


def waiting(connection: Connection) -> list[int]:
    """Experiments of which observations wait; cheap enough to be asked all the time."""
    query = select(policy_observations.c.experiment_id).distinct()
    return list(connection.execute(query).scalars())


def observe(
    connection: Connection, experiment: int, gateway: str, observations: Iterable[Observation]
) -> None:
    """Puts what a gateway has seen into the table, in a transaction that writes."""
    found = [one.to_json() for one in observations]
    if found:
        values = {"experiment_id": experiment, "gateway": gateway, "observations": found}
        connection.execute(insert(policy_observations).values(values))


def learn(database: Database, experiment: int) -> Learnt:
    """Has a policy learn from what waits in the table, each observation once.

    Raises:
      TaxiwayError: the database is away; nothing was taken.
    """
    with database.working() as connection:
        return learn_within(connection, experiment)


def learn_within(connection: Connection, experiment: int) -> Learnt:
    """As `learn`, within a transaction that writes."""
    of = policy_observations.c
    query = select(of.id, of.observations).where(of.experiment_id == experiment)
    rows = connection.execute(query.order_by(of.id).limit(AT_ONCE)).all()
    if not rows:
        return Learnt(0, 0)
    connection.execute(delete(policy_observations).where(of.id.in_([row.id for row in rows])))
    record = records.by_id(connection, experiment)
    known = connection.execute(
        select(policy_states).where(policy_states.c.experiment_id == experiment)
    ).one_or_none()
    if record is None or record.phase != records.RUNNING or known is None:
        return Learnt(len(rows), 0)  # late rewards of one that was stopped; the log has them
    policy = record.design.policy
    found = [_observation(one) for row in rows for one in row.observations]
    good, refused = sound(policy, found)
    state = policy.update(known.state, good)
    values = {"state": state, "number": known.number + 1, "updated_at": now()}
    connection.execute(
        update(policy_states).where(policy_states.c.experiment_id == experiment).values(values)
    )
    return Learnt(len(rows), len(good), tuple(refused))


def _observation(found: list[object]) -> Observation:
    """What `Observation.to_json` gave."""
    arm, reward, context, propensity = found
    assert isinstance(arm, str)
    assert isinstance(reward, (int, float))
    assert isinstance(context, dict)
    assert isinstance(propensity, (int, float))
    return Observation(arm, float(reward), context, float(propensity))
