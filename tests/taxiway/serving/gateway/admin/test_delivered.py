"""What the operators' port tells of rollouts and experiments, and what operators do with them."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from taxiway.registry.auth.actor import Role
from taxiway.registry.database.session import Database
from taxiway.serving.gateway.admin.delivered.cached import Cached
from tests.taxiway.delivery.rollout.conftest import CANARY, Delivered, delivery
from tests.taxiway.registry.deploy.conftest import Site
from tests.taxiway.serving.gateway.admin.conftest import Port
from tests.taxiway.serving.gateway.admin.scenes import (
    a_canary_in_its_analysis,
    an_experiment,
)
from tests.taxiway.serving.gateway.admin.test_app import audited
from tests.taxiway.serving.gateway.conftest import Token

ROLLOUT = "/api/models/parcels/rollout"
EXPERIMENT = "/api/models/parcels/experiment"


@pytest.fixture
def delivered(registry: Database, tmp_path: Path) -> Delivered:
    """Parcels, whose version 1.0.2 has all traffic, and one gateway."""
    made = Delivered(Site(registry, tmp_path / "site"))
    made.gateway()
    return made


def seen(port: Port, path: str) -> dict[str, Any]:
    told = port.ask("GET", path)
    assert told.status_code == 200, told.text
    found: dict[str, Any] = told.json()
    return found


def act(port: Port, action: str, token: str = "", **body: Any) -> httpx.Response:
    return port.ask("POST", f"/api/models/parcels/{action}", token, json=body)


class TestRollout:
    def test_before_anything_was_deployed_there_is_nothing(self, port: Port) -> None:
        found = seen(port, ROLLOUT)
        assert (found["route"], found["rollout"], found["moves"]) == (None, None, [])

    def test_it_tells_steps_weights_audience_look_and_events(
        self, port: Port, delivered: Delivered
    ) -> None:
        a_canary_in_its_analysis(delivered)
        found = seen(port, ROLLOUT)
        route, rollout = found["route"], found["rollout"]
        weights = {arm["version"]: arm["weight"] for arm in route["arms"]}
        assert weights == {"1.0.2": 90.0, "1.0.1": 10.0}
        assert route["audience"] == ["header x-region = eu or uk"]
        assert (route["mirror"], route["mirror_percent"]) == ("1.0.1", 50.0)
        assert (rollout["phase"], rollout["step"], rollout["weight"]) == ("Progressing", 3, 10.0)
        assert rollout["steps"][2] == "setWeight 10"
        assert rollout["counts"] == {"success": 1}
        errors = rollout["looks"][-1]["metrics"][0]
        assert (errors["name"], errors["stable"], errors["canary"]) == ("error_rate", 5e-4, 5e-4)
        assert errors["lower"] < errors["difference"] == 0.0 < errors["upper"]
        assert rollout["events"][0]["event"] == "started"
        assert rollout["events"][-1]["event"] == "look"

    def test_it_tells_what_gateways_measured_of_each_arm_and_of_copies(
        self, port: Port, delivered: Delivered
    ) -> None:
        a_canary_in_its_analysis(delivered)
        found = seen(port, ROLLOUT)
        arms = {(one["version"], one["segment"]): one for one in found["arms"]}
        stable = arms["1.0.2", "audience"]
        assert (stable["requests"], stable["error_rate"]) == (90_000, 5e-4)
        assert stable["latency_p50_ms"] == pytest.approx(5.0, rel=0.1)
        assert stable["latency_p99_ms"] == pytest.approx(15.0, rel=0.1)
        assert arms["1.0.2", "others"]["requests"] == 200_000
        shadow = found["shadow"]
        assert (shadow["version"], shadow["agreement"], shadow["dropped"]) == ("1.0.1", 0.99, 12)
        assert shadow["drift"] == pytest.approx(0.002)
        assert shadow["primary_p50_ms"] < shadow["latency_p50_ms"]

    def test_it_tells_the_last_moves_and_what_undo_would_go_back_to(
        self, port: Port, delivered: Delivered
    ) -> None:
        delivered.promote(delivered.versions[0], reason="it was better")
        found = seen(port, ROLLOUT)
        newest, *_, first = found["moves"]
        assert (newest["action"], newest["moved_by"]) == ("promote", "ann")
        assert newest["reason"] == "it was better"
        assert (newest["revision"], first["revision"]) == (4, 1)
        assert [arm["version"] for arm in found["undo"]] == ["1.0.2"]

    def test_a_model_that_is_not_served_is_not_looked_for(self, port: Port) -> None:
        told = port.ask("GET", "/api/models/other/rollout")
        assert told.status_code == 404
        assert "parcels" in told.json()["error"]

    def test_openapi_describes_it(self, port: Port) -> None:
        schema = seen(port, "/api/openapi.json")
        paths, documents = schema["paths"], schema["components"]["schemas"]
        assert "/api/models/{model}/rollout" in paths
        assert "/api/models/{model}/experiment" in paths
        told = documents["ShadowMeasured"]["properties"]["agreement"]["description"]
        assert told == "Share of the rows whose answers are equal."


class TestExperiment:
    def test_there_may_be_none(self, port: Port) -> None:
        assert seen(port, EXPERIMENT)["experiment"] is None

    def test_it_tells_arms_and_their_effect_beside_the_control(
        self, port: Port, delivered: Delivered
    ) -> None:
        an_experiment(delivered, (1.0, 1.2, 1.0))
        found = seen(port, EXPERIMENT)
        assert [arm["version"] for arm in found["arms"]] == ["1.0.2", "1.0.0", "1.0.1"]
        assert [arm["mean"] for arm in found["arms"]] == [1.0, 1.2, 1.0]
        assert found["arms"][1]["share"] == pytest.approx(1 / 3)
        better, same = found["effects"]
        assert (better["version"], better["effect"]) == ("1.0.0", pytest.approx(0.2))
        assert 0 < better["lower"] < 0.2 < better["upper"] < 0.3
        assert same["lower"] < 0 < same["upper"]
        assert better["alpha"] == pytest.approx(0.025)  # of two arms each has its half

    def test_a_bandits_arms_are_not_compared(self, port: Port, delivered: Delivered) -> None:
        policy = {"kind": "epsilon_greedy"}
        an_experiment(delivered, (1.0, 1.2, 1.0), policy=policy)
        found = seen(port, EXPERIMENT)
        assert found["effects"] == []
        assert "bandit" in found["no_effects"]
        assert found["updates"] == 1
        assert found["experiment"]["policy"] == "epsilon_greedy"

    def test_a_request_without_a_reward_counts_as_zero_where_the_design_says_so(
        self, port: Port, delivered: Delivered
    ) -> None:
        metric = {"name": "profit", "effect": 0.1, "missing": "zero"}
        an_experiment(delivered, (1.005, 1.0, 1.0), primary_metric=metric)
        assert seen(port, EXPERIMENT)["arms"][0]["mean"] == pytest.approx(1.0)


class TestActing:
    def test_a_rollout_is_started_paused_resumed_skipped_and_aborted(
        self, port: Port, delivered: Delivered
    ) -> None:
        port.delivery = delivery(CANARY)
        started = act(port, "start", version="1.0.1", reason="new features")
        assert started.status_code == 200, started.text
        assert (started.json()["phase"], started.json()["weight"]) == ("Progressing", 0.0)
        assert act(port, "pause", reason="lunch").json()["phase"] == "Paused"
        assert act(port, "resume").json()["phase"] == "Progressing"
        assert act(port, "promote").json()["step"] == 0
        assert delivered.weights_now == {"1.0.2": 95.0, "1.0.1": 5.0}
        ended = act(port, "abort", reason="enough").json()
        assert (ended["phase"], ended["reason"][:8]) == ("Degraded", "aborted ")
        assert delivered.shares == {"1.0.2": ("stable", 100.0)}
        actions = [action for _, action, _ in audited(delivered.database)]
        begun = actions.index("rollout.start")
        told = [one for one in actions[begun:] if one not in ("rollout.load", "rollout.set_weight")]
        wanted = ["start", "pause", "resume", "promote", "abort"]
        assert [one.removeprefix("rollout.") for one in told] == wanted

    def test_all_steps_are_skipped_where_it_is_promoted_fully(
        self, port: Port, delivered: Delivered
    ) -> None:
        delivered.start(CANARY)
        assert act(port, "promote", full=True).json()["phase"] == "Healthy"
        assert delivered.shares == {"1.0.1": ("stable", 100.0)}

    def test_a_move_by_hand_ends_it(self, port: Port, delivered: Delivered) -> None:
        a_canary_in_its_analysis(delivered)
        assert act(port, "promote", version="1.0.0").status_code == 200
        assert not delivered.rollout.is_open
        assert delivered.shares == {"1.0.0": ("stable", 100.0)}

    @pytest.mark.parametrize(
        ("role", "status"), [(Role.VIEWER, 403), (Role.APPROVER, 403), (Role.DEPLOYER, 200)]
    )
    @pytest.mark.parametrize("action", ["pause", "abort", "promote"])
    def test_it_takes_a_role_that_deploys(
        self,
        open_port: Port,
        delivered: Delivered,
        token: Token,
        action: str,
        role: Role,
        status: int,
    ) -> None:
        delivered.start(CANARY)
        before = delivered.rollout
        told = act(open_port, action, token("ben", role))
        assert told.status_code == status, told.text
        assert (delivered.rollout != before) == (status == 200)

    @pytest.mark.parametrize(
        ("action", "body", "status", "words"),
        [
            ("start", {}, 400, "no version"),
            ("start", {"version": "1.0.2"}, 409, "serves already"),
            ("pause", {}, 409, "no rollout of parcels is open"),
            ("promote", {}, 409, "no rollout of parcels is open"),
            ("promote", {"version": "1.0.0", "full": True}, 400, "full"),
        ],
    )
    def test_what_cannot_be_done_is_told(
        self,
        port: Port,
        delivered: Delivered,
        action: str,
        body: dict[str, Any],
        status: int,
        words: str,
    ) -> None:
        told = act(port, action, **body)
        assert (told.status_code, set(told.json())) == (status, {"error"})
        assert words in told.json()["error"]

    def test_a_rollout_that_has_moved_since_is_left_alone(
        self, port: Port, delivered: Delivered
    ) -> None:
        delivered.start(CANARY)
        seen_at = delivered.rollout.revision
        delivered.ready()
        told = act(port, "abort", revision=seen_at)
        assert told.status_code == 409
        assert f"{seen_at} was expected" in told.json()["error"]
        assert delivered.rollout.is_open
        assert act(port, "abort", revision=delivered.rollout.revision).status_code == 200


class TestCached:
    """The registry is asked in a thread, and once for all that ask at the same time."""

    def test_however_many_ask_it_is_read_once(self) -> None:
        threads = []
        may_end = threading.Event()

        def read() -> int:
            threads.append(threading.get_ident())
            assert may_end.wait(20)
            return len(threads)

        async def main() -> list[int]:
            cached = Cached(3600.0)
            asked = [asyncio.create_task(cached.get("one", read)) for _ in range(50)]
            await asyncio.sleep(0)  # the loop goes on meanwhile
            may_end.set()
            return [*await asyncio.gather(*asked), await cached.get("one", read)]

        assert set(asyncio.run(main())) == {1}
        assert threads != [threading.get_ident()]

    def test_it_is_read_again_once_it_is_old(self) -> None:
        values = iter(range(9))

        async def main() -> list[int]:
            cached = Cached(0.0)
            return [await cached.get("one", lambda: next(values)) for _ in range(3)]

        assert asyncio.run(main()) == [0, 1, 2]

    def test_an_error_is_told_and_not_kept(self) -> None:
        answers = iter([ValueError("away"), 7])

        def read() -> int:
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        async def main() -> int:
            cached = Cached()
            with pytest.raises(ValueError, match="away"):
                await cached.get("one", read)
            found: int = await cached.get("one", read)
            return found

        assert asyncio.run(main()) == 7

    def test_one_who_goes_away_takes_nothing_from_the_others(self) -> None:
        may_end = threading.Event()

        def read() -> int:
            assert may_end.wait(20)
            return 5

        async def main() -> int:
            cached = Cached()
            gone, stays = (asyncio.create_task(cached.get("one", read)) for _ in range(2))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.wait([gone])
            may_end.set()
            return int(await stays)

        assert asyncio.run(main()) == 5
