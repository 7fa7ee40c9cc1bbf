"""Model versions and the deploy queue, on real databases and with real processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from taxiway.errors import TaxiwayError
from taxiway.registry.deploy_queue import DeployQueue
from taxiway.registry.versions import Candidate, ModelVersion, list_versions, next_number, register
from tests.conftest import REPOSITORY


def candidate(
    model: str = "m1", contract: str = "c1", pipeline: str = "p1", name: str = "flights"
) -> Candidate:
    return Candidate(name, "run", model, contract, pipeline, "/serving/1", {"auc": 0.7})


def test_the_first_version_is_1_0_0(tmp_path: Path) -> None:
    assert register(tmp_path / "r.sqlite", candidate()).name == "1.0.0"


@pytest.mark.parametrize(
    ("second", "number"),
    [
        (candidate("m2"), (3, 5, 2)),
        (candidate("m2", pipeline="p2"), (3, 5, 3)),
        (candidate("m2", contract="c2"), (4, 0, 0)),
        (candidate("m2", contract="c2", pipeline="p2"), (4, 0, 0)),
    ],
    ids=["retrained", "pipeline changed", "contract changed", "both changed"],
)
def test_what_changed_decides_which_part_rises(
    second: Candidate, number: tuple[int, int, int]
) -> None:
    assert next_number(ModelVersion((3, 4, 2), candidate(), ""), second) == number


def test_the_same_model_keeps_its_version(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    first = register(path, candidate())
    assert register(path, candidate(pipeline="p9")) == first
    assert list_versions(path, "flights") == [first]


def test_models_are_numbered_apart(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    register(path, candidate())
    assert register(path, candidate("m2", name="trains")).name == "1.0.0"


def test_metrics_and_digests_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    register(path, candidate())
    assert list_versions(path, "flights")[0].candidate == candidate()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    path.write_text("this is not a database, but it is long enough to look at " * 20)
    with pytest.raises(TaxiwayError, match="registry"):
        register(path, candidate())


REGISTER = """
import sys
from taxiway.registry.deploy_queue import DeployQueue
from taxiway.registry.versions import Candidate, register
path, first = sys.argv[1], int(sys.argv[2])
for index in range(first, first + 20):
    register(path, Candidate("flights", "run", f"m{index}", "c1", "p1", "/serving/1", {}))
    DeployQueue(path, 60).put("flights", "1.0.0")
"""


def test_processes_that_register_at_once_never_share_a_number(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    workers = [
        subprocess.Popen([sys.executable, "-c", REGISTER, str(path), start], cwd=REPOSITORY)
        for start in ("0", "100")
    ]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    names = [version.name for version in list_versions(path, "flights")]
    assert sorted(names) == sorted({f"1.{minor}.0" for minor in range(40)})
    assert DeployQueue(path, 60).waiting() == 1


class TestDeployQueue:
    """A queue with a clock that the test turns."""

    @pytest.fixture(autouse=True)
    def _queue(self, tmp_path: Path) -> None:
        self.now = 1000.0
        self.queue = DeployQueue(tmp_path / "r.sqlite", 300.0, clock=lambda: self.now)

    def test_a_version_is_queued_exactly_once(self) -> None:
        assert self.queue.put("flights", "1.0.0")
        assert not self.queue.put("flights", "1.0.0")
        assert self.queue.waiting() == 1

    def test_a_version_that_went_through_is_not_queued_again(self) -> None:
        self.queue.put("flights", "1.0.0")
        taken = self.queue.take("deployer")
        assert taken is not None
        self.queue.acknowledge(taken, "deployer")
        assert not self.queue.put("flights", "1.0.0")
        assert self.queue.take("deployer") is None

    def test_the_oldest_is_taken_first_and_only_once(self) -> None:
        self.queue.put("flights", "1.0.0")
        self.queue.put("flights", "1.1.0")
        first, second = self.queue.take("a"), self.queue.take("b")
        assert first is not None
        assert second is not None
        assert (first.version, second.version) == ("1.0.0", "1.1.0")
        assert self.queue.take("c") is None

    def test_what_a_crashed_deployer_held_is_taken_again_after_its_lease(self) -> None:
        self.queue.put("flights", "1.0.0")
        self.queue.take("crashed")
        self.now += 299.0
        assert self.queue.take("next") is None
        self.now += 1.0
        again = self.queue.take("next")
        assert again is not None
        assert again.takes == 2

    def test_a_deployer_that_lost_its_lease_cannot_acknowledge(self) -> None:
        self.queue.put("flights", "1.0.0")
        late = self.queue.take("late")
        self.now += 301.0
        held = self.queue.take("next")
        assert late is not None
        assert held is not None
        with pytest.raises(TaxiwayError, match="no longer held by 'late'"):
            self.queue.acknowledge(late, "late")
        self.queue.acknowledge(held, "next")
        assert self.queue.waiting() == 0
