"""An experiment starts, ramps and stops: its route, its record and the audit go together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from taxiway.delivery.experiment import moves, records
from taxiway.delivery.experiment.act import act
from taxiway.delivery.experiment.judging.recommend import Recommendation
from taxiway.delivery.experiment.moves import Started
from taxiway.delivery.experiment.phases import latest
from taxiway.delivery.experiment.records import ExperimentRecord
from taxiway.delivery.under_way import open_experiment, require_no_experiment
from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.approval.states import NotApproved, set_state
from taxiway.registry.auth.actor import Actor, NotAllowed, Permission, Role
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import now, rollouts
from taxiway.registry.routes.moves import Move
from taxiway.registry.routes.route import SLOTS, Condition
from tests.taxiway.delivery.experiment.trials import a_design
from tests.taxiway.registry.conftest import ANN
from tests.taxiway.registry.deploy.conftest import Site
from tests.taxiway.registry.routes.conftest import Traffic

ARMS = [{"version": "1.0.1"}, {"version": "1.0.2"}]
PLAN = {"per_arm": 1_000}


class Bench:
    """Experiments on the traffic of `parcels`, of which 1.0.2 serves."""

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic

    def start(self, actor: Actor = ANN, **keys: Any) -> Started:
        design = a_design(**{"arms": ARMS} | keys)
        with self.traffic.database.changing(actor, Permission.DEPLOY) as change:
            return moves.start(change, design, "parcels", "", PLAN, reason="to see")

    def ramp(self, record: ExperimentRecord, *percent: int) -> Started:
        with self.traffic.database.changing(ANN, Permission.DEPLOY) as change:
            return moves.ramp(change, record, [one * 100 for one in percent])

    def stop(self, record: ExperimentRecord, promoted: int | None = None) -> Move | None:
        winner = None if promoted is None else self.traffic.versions[promoted]
        with self.traffic.database.changing(ANN, Permission.DEPLOY) as change:
            return moves.stop(change, record, {"seen": 1}, winner, "enough")

    def record(self, name: str = "") -> ExperimentRecord:
        with self.traffic.database.reading() as connection:
            return records.find_experiment(connection, "parcels", "", name)

    def users_of(self, users: range) -> list[str]:
        """The version of each user."""
        from taxiway.serving.routing.choose import slot

        route = self.traffic.now.route
        return [route.arm_at(slot(route, f"user-{user}")).version for user in users]


@pytest.fixture
def bench(traffic: Traffic) -> Bench:
    """On SQLite, MariaDB and PostgreSQL."""
    return Bench(traffic)


@pytest.fixture
def file_bench(file_database: Database, tmp_path: Path) -> Bench:
    """On SQLite only."""
    return Bench(Traffic(Site(file_database, tmp_path)))


def test_it_splits_the_traffic_and_stops_with_its_outcome_kept(bench: Bench) -> None:
    salt = bench.traffic.now.route.salt
    started = bench.start(audience={"columns": {"region": ["north"]}})
    assert bench.traffic.shares == {"1.0.1": ("stable", 50.0), "1.0.2": ("1.0.2", 50.0)}
    route = bench.traffic.now.route
    assert route.audience == (Condition("column", "region", ("north",)),)
    assert (route.salt == salt, route.policy) == (False, None)
    with bench.traffic.database.reading() as connection:
        found = open_experiment(connection, "parcels", "")
    assert found is not None
    assert (found.name, found.started_by) == ("prices", "ann")
    assert started.record.planned_per_arm == 1_000
    bench.stop(started.record, promoted=2)
    assert bench.traffic.shares == {"1.0.2": ("stable", 100.0)}
    ended = bench.record()
    assert (ended.phase, ended.reason) == ("stopped", "enough")
    assert ended.outcome == {"seen": 1, "serves": "1.0.2"}
    assert bench.traffic.audited()[-4:] == [
        "experiment.start",
        "experiment.started",
        "experiment.stop",
        "experiment.stopped",
    ]
    actions = [one.action for one in bench.traffic.history()]
    assert actions[-3:] == ["experiment.start", "experiment.start", "experiment.stop"]


def test_without_a_winner_the_control_gets_all_traffic_back(file_bench: Bench) -> None:
    file_bench.stop(file_bench.start().record)
    assert file_bench.traffic.shares == {"1.0.1": ("stable", 100.0)}


def test_on_a_ramp_no_user_moves_back_and_it_is_another_phase(file_bench: Bench) -> None:
    weights = [{**ARMS[0], "weight": 95}, {**ARMS[1], "weight": 5}]
    started = file_bench.start(arms=weights)
    users = range(2_000)
    before = file_bench.users_of(users)
    record = started.record
    for percent in (25, 50):
        record = file_bench.ramp(record, 100 - percent, percent).record
        after = file_bench.users_of(users)
        assert [
            one for one, two in zip(before, after, strict=True) if (one, two) == ("1.0.2", "1.0.1")
        ] == []
        assert after.count("1.0.2") / 2_000 == pytest.approx(percent / 100, abs=0.05)
        before = after
    with file_bench.traffic.database.reading() as connection:
        phase = latest(connection, record)
    assert phase is not None
    assert (phase.slots, phase.is_current) == ((5_000, 5_000), True)
    assert phase.revisions == (file_bench.traffic.now.route.revision,)


def test_experiments_are_independent(file_bench: Bench) -> None:
    users = range(4_000)
    first = file_bench.start()
    one = file_bench.users_of(users)
    file_bench.stop(first.record)
    file_bench.start(name="again")
    both = list(zip(one, file_bench.users_of(users), strict=True))
    same = sum(before == after for before, after in both) / len(both)
    assert same == pytest.approx(0.5, abs=0.05)


def test_one_experiment_or_rollout_is_under_way_at_a_time(file_bench: Bench) -> None:
    values = dict.fromkeys(("model", "environment", "reason", "ended_at"), "")
    values |= {"model": "parcels", "version": "1.0.2", "stable": "1.0.1", "phase": "progressing"}
    values |= {"strategy": {}, "state": {}, "started_by": "ben"}  # type: ignore[dict-item]
    values |= {"started_at": now(), "updated_at": now()}
    file_bench.start()
    with pytest.raises(TaxiwayError, match="the experiment prices of parcels is under way: ann"):
        file_bench.start(name="another")
    with (
        file_bench.traffic.database.reading() as connection,
        pytest.raises(TaxiwayError, match="taxiway experiment stop"),
    ):
        require_no_experiment(connection, "parcels", "")
    file_bench.stop(file_bench.record())
    with file_bench.traffic.database.working() as connection:
        connection.execute(insert(rollouts).values(values))
    with pytest.raises(TaxiwayError, match=r"the rollout of parcels/1.0.2 is under way: ben"):
        file_bench.start(name="another")
    assert file_bench.traffic.shares == {"1.0.1": ("stable", 100.0)}


def test_a_version_that_is_not_approved_takes_no_part_and_leaves_nothing_behind(
    file_bench: Bench,
) -> None:
    database = file_bench.traffic.database
    with database.working() as connection:
        set_state(connection, file_bench.traffic.versions[1], "", "rejected", "it is wrong")
    with pytest.raises(NotApproved, match="is rejected: it is wrong"):
        file_bench.start()
    with database.reading() as connection:
        assert records.history(connection, "parcels", "") == []
    assert file_bench.traffic.shares == {"1.0.2": ("stable", 100.0)}


def test_who_may_not_deploy_may_not_start_one(file_bench: Bench) -> None:
    with pytest.raises(NotAllowed):
        file_bench.start(actor=Actor("ben", "system", Role.AUTHOR))


def test_a_name_is_had_once_and_an_arm_is_another_version(file_bench: Bench) -> None:
    file_bench.stop(file_bench.start().record)
    with pytest.raises(ConfigError, match="had an experiment 'prices' before"):
        file_bench.start()
    with pytest.raises(ConfigError, match="two arms are the same version"):
        file_bench.start(name="b", arms=[{"version": "1.0.1"}, {"version": "parcels/1.0.1"}])
    with pytest.raises(TaxiwayError, match="had no experiment 'price'; did you mean 'prices'"):
        file_bench.record("price")


def test_traffic_that_was_moved_by_hand_stays_where_it_is(file_bench: Bench) -> None:
    record = file_bench.start().record
    file_bench.traffic.promote(file_bench.traffic.versions[0])
    with file_bench.traffic.database.reading() as connection:
        phase = latest(connection, record)
    assert phase is not None
    assert (phase.is_current, phase.moved.startswith("promote by ann at")) == (False, True)
    with pytest.raises(TaxiwayError, match="traffic was moved since the experiment prices"):
        file_bench.ramp(record, 50, 50)
    assert file_bench.stop(record) is None
    assert file_bench.traffic.shares == {"1.0.0": ("stable", 100.0)}
    assert file_bench.record().phase == "stopped"


def test_a_move_that_is_undone_leaves_the_phase_as_it_was(file_bench: Bench) -> None:
    record = file_bench.start().record
    file_bench.traffic.promote(file_bench.traffic.versions[0])
    file_bench.traffic.undo()
    with file_bench.traffic.database.reading() as connection:
        phase = latest(connection, record)
    assert phase is not None
    assert (phase.is_current, len(phase.revisions)) == (True, 2)


def test_a_bandits_route_names_its_experiment_and_has_a_state_to_begin_with(
    file_bench: Bench,
) -> None:
    from taxiway.delivery.experiment.learning import states

    started = file_bench.start(policy={"kind": "thompson"})
    policy = file_bench.traffic.now.route.policy
    assert policy is not None
    assert (policy.experiment, policy.policy["kind"]) == (started.record.id, "thompson")
    with file_bench.traffic.database.reading() as connection:
        (state,) = states(connection, "").values()
    assert (state.number, state.state["arms"], state.reward) == (1, ["1.0.1", "1.0.2"], "reward")
    with pytest.raises(ConfigError, match="has a policy that chooses"):
        file_bench.ramp(started.record, 50, 50)


@pytest.mark.parametrize(
    ("action", "version", "serves"),
    [
        ("ship", "1.0.2", {"1.0.2": ("stable", 100.0)}),
        ("keep_control", "1.0.1", {"1.0.1": ("stable", 100.0)}),
        ("keep_running", "", {"1.0.1": ("stable", 50.0), "1.0.2": ("1.0.2", 50.0)}),
        ("withheld", "", {"1.0.1": ("stable", 50.0), "1.0.2": ("1.0.2", 50.0)}),
    ],
)
@pytest.mark.parametrize("auto", [True, False])
def test_only_auto_acts_and_only_on_what_is_sure(
    file_bench: Bench, action: Any, version: str, serves: dict[str, Any], auto: bool
) -> None:
    record = file_bench.start(auto=auto).record
    before = file_bench.traffic.shares
    told = Recommendation(action, "it is so", version)
    with file_bench.traffic.database.changing(ANN, Permission.DEPLOY) as change:
        act(change, record, told, {})
    assert file_bench.traffic.shares == (serves if auto else before)
    if auto and version:
        assert file_bench.record().reason == "auto: it is so"


def test_auto_ships_no_version_that_is_not_approved_any_more(file_bench: Bench) -> None:
    record = file_bench.start(auto=True).record
    with file_bench.traffic.database.working() as connection:
        set_state(connection, file_bench.traffic.versions[2], "", "rejected", "it is wrong")
    told = Recommendation("ship", "it is so", "1.0.2")
    with (
        pytest.raises(NotApproved),
        file_bench.traffic.database.changing(ANN, Permission.DEPLOY) as change,
    ):
        act(change, record, told, {})
    assert file_bench.record().phase == "running"
    assert sum(arm.slots for arm in file_bench.traffic.now.route.arms) == SLOTS
