"""What a bandit learns: each observation once, in one transaction with the state that has it."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from taxiway.delivery.experiment import moves, records
from taxiway.delivery.experiment.learning import (
    AT_ONCE,
    Learnt,
    learn,
    learn_within,
    observe,
    state_numbers,
    states,
)
from taxiway.delivery.policies.counted.sums import sums_of
from taxiway.delivery.policies.policy import Observation
from taxiway.registry.auth.actor import Permission
from taxiway.registry.database.tables import policy_observations
from tests.taxiway.delivery.experiment.trials import a_design
from tests.taxiway.registry.conftest import ANN
from tests.taxiway.registry.routes.conftest import Traffic

ARMS = [{"version": "1.0.1"}, {"version": "1.0.2"}]


def started(traffic: Traffic) -> int:
    design = a_design(arms=ARMS, policy={"kind": "thompson", "reward": "bernoulli"})
    with traffic.database.changing(ANN, Permission.DEPLOY) as change:
        return moves.start(change, design, "parcels", "", {}).record.id


def seen(traffic: Traffic, experiment: int, *observations: Observation) -> None:
    with traffic.database.working() as connection:
        observe(connection, experiment, "gateway-1", observations)


def counts(traffic: Traffic, experiment: int) -> dict[str, tuple[float, float]]:
    """By arm, how many rewards the state has and their sum."""
    with traffic.database.reading() as connection:
        state = states(connection, "")[experiment].state
    return {arm: (one.n, one.total) for arm, one in sums_of(state).items()}


def waiting(traffic: Traffic) -> int:
    with traffic.database.reading() as connection:
        return connection.execute(
            select(func.count()).select_from(policy_observations)
        ).scalar_one()


def test_each_observation_is_learnt_once(traffic: Traffic) -> None:
    experiment = started(traffic)
    seen(traffic, experiment, *[Observation("1.0.1", 0.0)] * 3, Observation("1.0.2", 1.0))
    seen(traffic, experiment, Observation("1.0.2", 1.0))
    assert learn(traffic.database, experiment) == Learnt(2, 5)
    assert learn(traffic.database, experiment) == Learnt(0, 0)
    assert counts(traffic, experiment) == {"1.0.1": (3, 0), "1.0.2": (2, 2)}
    with traffic.database.reading() as connection:
        assert state_numbers(connection, "") == {experiment: 2}


def test_one_that_is_killed_in_it_has_learnt_nothing_and_another_learns_it(
    file_traffic: Traffic,
) -> None:
    experiment = started(file_traffic)
    seen(file_traffic, experiment, Observation("1.0.2", 1.0))

    class KilledError(Exception):
        pass

    def killed() -> None:
        with file_traffic.database.working() as connection:
            learn_within(connection, experiment)
            raise KilledError

    with pytest.raises(KilledError):
        killed()
    assert waiting(file_traffic) == 1
    assert learn(file_traffic.database, experiment).observations == 1
    assert counts(file_traffic, experiment)["1.0.2"] == (1, 1)


def test_more_than_one_transaction_takes_waits_for_the_next(file_traffic: Traffic) -> None:
    experiment = started(file_traffic)
    for _ in range(AT_ONCE + 1):
        seen(file_traffic, experiment, Observation("1.0.1", 1.0))
    assert learn(file_traffic.database, experiment).rows == AT_ONCE
    assert learn(file_traffic.database, experiment).rows == 1
    assert counts(file_traffic, experiment)["1.0.1"] == (AT_ONCE + 1, AT_ONCE + 1)


def test_what_cannot_be_learnt_is_told_and_does_not_stop_the_rest(file_traffic: Traffic) -> None:
    experiment = started(file_traffic)
    seen(file_traffic, experiment, Observation("1.0.1", 7.0), Observation("1.0.2", 1.0))
    learnt = learn(file_traffic.database, experiment)
    assert (learnt.rows, learnt.observations) == (1, 1)
    assert "7" in learnt.refused[0]


def test_rewards_after_the_end_are_no_more_learnt_and_do_not_wait_for_ever(
    file_traffic: Traffic,
) -> None:
    experiment = started(file_traffic)
    seen(file_traffic, experiment, Observation("1.0.1", 1.0))
    with file_traffic.database.changing(ANN, Permission.DEPLOY) as change:
        record = records.by_id(change.connection, experiment)
        assert record is not None
        moves.stop(change, record, {})
    assert learn(file_traffic.database, experiment) == Learnt(1, 0)
    assert waiting(file_traffic) == 0
