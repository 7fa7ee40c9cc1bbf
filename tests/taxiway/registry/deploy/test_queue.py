"""The deploy queue: each push once, in order, one deployer at a time, on real databases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from taxiway.errors import TaxiwayError
from taxiway.registry.approval.states import set_state
from taxiway.registry.auth.actor import Permission
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import audit, deploy_queue, model_versions
from taxiway.registry.deploy.queue import DeployQueue, LeaseLost, QueueEntry, close, queue_version
from taxiway.registry.section import Registry
from taxiway.registry.versions.records import read_version
from tests.conftest import REPOSITORY
from tests.taxiway.registry.conftest import ANN, KINDS
from tests.taxiway.registry.deploy.folders import registered
from tests.tied import tied

LEASE_SECONDS = 300.0


class TestDeployQueue:
    """A queue with a clock that the test turns."""

    @pytest.fixture(autouse=True)
    def _queue(self, database: Database) -> None:
        self.now = 1_800_000_000.0
        self.database = database
        self.queue = DeployQueue(database, clock=lambda: self.now)
        assert database.settings.lease_seconds == LEASE_SECONDS

    def put(self, content: str, pushed_to: str, model: str = "parcels") -> bool:
        return self.queue.put(registered(self.database, content, pushed_to, model=model), ANN)

    def take(self, deployer: str, model: str = "parcels") -> QueueEntry:
        entry = self.queue.take(model, deployer)
        assert entry is not None
        return entry

    def close(self, entry: QueueEntry) -> None:
        with self.database.working() as connection:
            close(connection, entry, "done")

    def test_a_push_is_queued_exactly_once(self) -> None:
        assert self.put("one", "/serving/1")
        assert not self.put("one", "/serving/1")
        (entry,) = self.queue.waiting("parcels")
        assert entry.subject == "parcels/1.0.0"
        assert (entry.queued_by, entry.action, entry.state) == ("ann", "deploy", "waiting")

    def test_it_is_told_to_the_audit_once(self) -> None:
        self.put("one", "/serving/1")
        self.put("one", "/serving/1")
        with self.database.reading() as connection:
            told = connection.execute(select(audit).where(audit.c.action == "deploy.queued"))
            assert [row.subject for row in told] == ["parcels/1.0.0"]

    def test_a_push_that_went_through_is_not_queued_again(self) -> None:
        self.put("one", "/serving/1")
        self.close(self.take("deployer"))
        assert not self.put("one", "/serving/1")
        assert self.queue.take("parcels", "deployer") is None

    def test_a_push_that_was_refused_is_queued_again_when_it_is_asked_for(self) -> None:
        self.put("one", "/serving/1")
        entry = self.take("deployer")
        with self.database.working() as connection:
            close(connection, entry, "refused")
        assert self.queue.is_newest("parcels", "1.0.0", "/serving/1")
        assert self.put("one", "/serving/1")
        assert not self.put("one", "/serving/1")

    def test_an_earlier_version_that_is_pushed_again_is_a_deployment_of_its_own(self) -> None:
        pushes = [("one", "/serving/1"), ("two", "/serving/2"), ("one", "/serving/3")]
        assert [self.put(*push) for push in pushes] == [True] * 3
        assert not self.put(*pushes[-1])
        assert self.put(*pushes[-1], model="trains")
        queued = self.queue.waiting("parcels")
        names = [entry.version for entry in queued]
        assert names[0] == names[2] != names[1]
        assert [entry.pushed_to for entry in queued] == ["/serving/1", "/serving/2", "/serving/3"]
        assert self.queue.is_newest("parcels", names[0], "/serving/3")
        assert not self.queue.is_newest("parcels", names[0], "/serving/1")
        assert not self.queue.is_newest("ships", names[0], "/serving/1")

    def test_environments_have_queues_of_their_own(self) -> None:
        version = registered(self.database, "one", "/serving/1")
        with self.database.working() as connection:
            set_state(connection, version, "production", "approved", "")
        production = DeployQueue(self.database, "production")
        assert self.queue.put(version, ANN)
        assert production.put(version, ANN)
        assert not production.put(version, ANN)
        assert len(production.waiting("parcels")) == len(self.queue.waiting("parcels")) == 1

    def test_one_deployer_is_at_work_and_takes_the_oldest_first(self) -> None:
        self.put("one", "/serving/1")
        self.put("two", "/serving/2")
        self.put("one", "/serving/1", model="trains")
        first = self.take("a")
        assert first.pushed_to == "/serving/1"
        assert self.queue.take("parcels", "b") is None
        assert self.take("b", "trains").subject == "trains/1.0.0"
        self.close(first)
        assert self.take("b").pushed_to == "/serving/2"

    def test_what_a_crashed_deployer_held_is_taken_again_after_its_lease(self) -> None:
        self.put("one", "/serving/1")
        self.take("crashed")
        self.now += LEASE_SECONDS - 1.0
        assert self.queue.take("parcels", "next") is None
        self.now += 1.0
        assert self.take("next").takes == 2

    def test_a_lease_that_is_renewed_holds_on(self) -> None:
        self.put("one", "/serving/1")
        entry = self.take("slow")
        self.now += LEASE_SECONDS - 1.0
        self.queue.renew(entry)
        self.now += LEASE_SECONDS - 1.0
        assert self.queue.take("parcels", "next") is None

    def test_what_is_given_back_is_there_for_the_next_at_once(self) -> None:
        self.put("one", "/serving/1")
        self.queue.give_back(self.take("stopped"))
        assert self.take("next").takes == 2

    @pytest.mark.parametrize("late", ["close", "renew", "give_back"])
    def test_a_deployer_that_lost_its_lease_can_do_nothing_with_it(self, late: str) -> None:
        self.put("one", "/serving/1")
        entry = self.take("late")
        self.now += LEASE_SECONDS
        held = self.take("late")  # even one that has the same name
        act = {"close": self.close, "renew": self.queue.renew, "give_back": self.queue.give_back}
        with pytest.raises(LeaseLost, match=r"parcels/1\.0\.0 is no longer held by 'late'"):
            act[late](entry)
        self.close(held)
        assert self.queue.waiting("parcels") == []


def test_a_version_is_queued_in_the_change_that_lets_it_through(file_database: Database) -> None:
    version = registered(file_database, "one", "/serving/1")

    def changed_halfway() -> None:
        with file_database.changing(ANN, Permission.APPROVE) as change:
            set_state(change.connection, version, "production", "approved", "")
            assert queue_version(change, version, "production", "rollback", "it is slow")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        changed_halfway()
    assert DeployQueue(file_database, "production").waiting("parcels") == []


def test_an_archived_version_is_not_queued(file_database: Database) -> None:
    version = registered(file_database, "one", "/serving/1")
    with file_database.working() as connection:
        connection.execute(update(model_versions).values(archived=True))
        version = read_version(connection, version.id)
    with pytest.raises(TaxiwayError, match=r"parcels/1\.0\.0 is archived"):
        DeployQueue(file_database).put(version, ANN)
    assert DeployQueue(file_database).waiting("parcels") == []


PUTS = """
import sys
from taxiway.registry.database.session import open_database
from taxiway.registry.deploy.queue import DeployQueue
from taxiway.registry.section import parse_registry
from tests.taxiway.registry.conftest import ANN
from tests.taxiway.registry.deploy.folders import registered
database = open_database(parse_registry(sys.argv[1]))
for _ in range(10):
    DeployQueue(database).put(registered(database, "one", "/serving/1"), ANN)
"""


@pytest.mark.parametrize("kind", KINDS)
def test_processes_that_queue_one_push_at_once_make_one_entry(
    kind: str, sections: Callable[[str], Registry]
) -> None:
    section = sections(kind)
    database = Database(section)
    with database.working():
        pass  # its tables are there
    command = tied(sys.executable, "-c", PUTS, section.model_dump_json())
    workers = [subprocess.Popen(command, cwd=REPOSITORY) for _ in range(4)]
    assert [worker.wait(60) for worker in workers] == [0] * 4
    with database.reading() as connection:
        assert len(connection.execute(select(deploy_queue.c.id)).all()) == 1
    database.engine.dispose()
