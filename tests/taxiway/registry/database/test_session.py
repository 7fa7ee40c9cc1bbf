"""Transactions on each kind of database: one writer after another, readers that wait for no one."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from taxiway.errors import TaxiwayError
from taxiway.registry.audit.verify import verify
from taxiway.registry.auth.actor import Permission
from taxiway.registry.database.engines import READING
from taxiway.registry.database.session import Database, open_database
from taxiway.registry.database.tables import (
    audit,
    audit_head,
    deploy_queue,
    model_versions,
    notes,
    tags,
)
from taxiway.registry.section import Registry
from tests.taxiway.registry.conftest import ANN, KINDS
from tests.taxiway.registry.database.programs import AT_ONCE, run, started

Sections = Callable[[str], Registry]
TAG = {"subject_kind": "run", "subject": "r1", "key": "k"}


def number_of_tags(database: Database) -> int:
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(tags)).scalar_one()


def test_a_change_and_its_audit_are_one_transaction(database: Database) -> None:
    def change_and_fail() -> None:
        with database.changing(ANN, Permission.ANNOTATE) as change:
            change.connection.execute(insert(tags).values(TAG))
            change.record("run.tagged", "r1")
            raise KeyError

    with pytest.raises(KeyError):
        change_and_fail()
    assert number_of_tags(database) == 0
    with database.changing(ANN, Permission.ANNOTATE) as change:
        change.connection.execute(insert(tags).values(TAG))
        change.record("run.tagged", "r1")
    assert number_of_tags(database) == 1
    with database.reading() as connection:
        assert connection.execute(select(audit.c.action)).scalars().all() == ["run.tagged"]


def test_a_change_that_the_audit_does_not_know_is_none(database: Database) -> None:
    with database.changing(ANN, Permission.ANNOTATE) as change:
        change.connection.execute(insert(tags).values(TAG))
    assert number_of_tags(database) == 0


def test_a_reader_sees_one_state_and_holds_up_no_writer(database: Database) -> None:
    count = select(func.count()).select_from(tags)
    with database.reading() as reader:
        assert reader.execute(count).scalar_one() == 0
        with database.working() as writer:
            writer.execute(insert(tags).values(TAG))
        assert reader.execute(count).scalar_one() == 0
    assert number_of_tags(database) == 1


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    with database.working() as writer:
        writer.execute(insert(tags).values(TAG))
        assert number_of_tags(database) == 0


def test_a_writer_waits_for_the_one_before_it_and_sees_what_that_one_wrote(
    database: Database,
) -> None:
    seen: list[int] = []

    def write() -> None:
        with database.working() as connection:
            count = select(func.count()).select_from(tags)
            seen.append(connection.execute(count).scalar_one())

    with database.working() as first:
        second = threading.Thread(target=write)
        second.start()
        first.execute(insert(tags).values(TAG))
        assert seen == []
    second.join()
    assert seen == [1]


def test_what_a_reader_writes_is_never_kept(database: Database) -> None:
    kept = READING[database.settings.kind].get("postgresql_readonly", False)
    with database.reading() as connection:
        if kept:
            with pytest.raises(Exception, match="read-only transaction"):
                connection.execute(insert(tags).values(TAG))
        else:
            connection.execute(insert(tags).values(TAG))
    assert number_of_tags(database) == 0


def test_any_text_comes_back_as_it_was(database: Database) -> None:
    text = "naïve café ✈ 𝄞 \\ ' \" % %s :name \t\n" + "x" * 100_000
    with database.working() as connection:
        connection.execute(insert(tags).values(TAG | {"value": text}))
    with database.reading() as connection:
        assert connection.execute(select(tags.c.value)).scalar_one() == text


def test_names_are_compared_and_sorted_by_their_bytes(database: Database) -> None:
    names = ["B", "a", "b", "é", "A "]
    with database.working() as connection:
        connection.execute(insert(tags), [TAG | {"key": name} for name in names])
    with database.reading() as connection:
        found = connection.execute(select(tags.c.key).order_by(tags.c.key)).scalars().all()
    assert found == sorted(names)


def test_times_in_seconds_are_exact(database: Database) -> None:
    """MariaDB's FLOAT would keep an epoch to two minutes."""
    until = 1_799_999_999.123456
    entry = {"model": "m", "version": "1.0.0", "pushed_to": "", "lease_until": until}
    with database.working() as connection:
        connection.execute(insert(deploy_queue).values(entry))
    with database.reading() as connection:
        assert connection.execute(select(deploy_queue.c.lease_until)).scalar_one() == until


def test_a_fork_makes_its_own_connections(database: Database) -> None:
    with database.reading() as connection:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with database.working() as own:
                    own.execute(insert(tags).values(TAG))
                database.close()
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        assert connection.execute(select(audit_head.c.id)).scalar_one() == 1
    assert number_of_tags(database) == 1


def test_a_process_has_one_database_for_a_section(file_database: Database) -> None:
    assert open_database(file_database.settings) is open_database(file_database.settings)


@pytest.mark.parametrize("lose", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_file_that_is_removed_or_emptied_is_made_anew(
    lose: Callable[[Path], object], file_database: Database
) -> None:
    with file_database.working() as connection:
        connection.execute(insert(tags).values(TAG))
    place = Path(file_database.place)
    assert sorted(path.name for path in place.parent.iterdir()) == [place.name]
    lose(place)
    assert number_of_tags(file_database) == 0


WORK = """
from sqlalchemy import insert
from taxiway.registry.auth.actor import Actor, Permission, Role
from taxiway.registry.database.tables import notes
from taxiway.registry.deploy.queue import DeployQueue
from taxiway.registry.versions.records import Candidate, register

def work(database, number):
    actor = Actor(f"writer {number}", "system", Role.ADMIN)
    for index in range(5):
        model = f"m{number}-{index}"
        place = f"/serving/{number}-{index}"
        candidate = Candidate("parcels", "run", model, "c1", "p1", place, {})
        version = register(database, candidate, actor)
        register(database, candidate, actor)
        DeployQueue(database).put(version, actor)
        with database.changing(actor, Permission.ANNOTATE) as change:
            note = {"subject_kind": "version", "subject": version.subject, "text": model}
            note |= {"written_by": actor.name, "written_at": version.created_at}
            change.connection.execute(insert(notes).values(note))
            change.record("version.noted", version.subject, None, model)

main()
"""


@pytest.mark.parametrize("kind", KINDS)
def test_eight_processes_at_once_lose_nothing_and_keep_one_chain(
    kind: str, sections: Sections
) -> None:
    settings = sections(kind)
    done = run(AT_ONCE + WORK, settings.model_dump_json(), "8")
    assert (done.returncode, done.stderr) == (0, "")
    with closing(Database(settings)) as database, database.reading() as connection:
        names = connection.execute(select(model_versions.c.name)).scalars().all()
        assert len(set(names)) == len(names) == 40
        queued = connection.execute(select(deploy_queue.c.version)).scalars().all()
        assert sorted(queued) == sorted(names)
        assert len(connection.execute(select(notes)).all()) == 40
        actions = Counter(connection.execute(select(audit.c.action)).scalars())
        chain = verify(connection)
    assert actions["version.registered"] == actions["deploy.queued"] == 40
    assert actions["version.noted"] == 40
    assert chain.faults == []
    assert chain.entries == chain.head.sequence == sum(actions.values())


STUCK = """
import sys, time
from sqlalchemy import insert
from taxiway.registry.auth.actor import Actor, Permission, Role
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import tags
from taxiway.registry.section import parse_registry
database = Database(parse_registry(sys.argv[1]))
actor = Actor("ann", "system", Role.ADMIN)
with database.changing(actor, Permission.ANNOTATE) as change:
    tag = {"subject_kind": "run", "subject": "r1", "key": "k"}
    change.connection.execute(insert(tags).values(tag))
    change.record("run.tagged", "r1")
    print("in the middle", flush=True)
    time.sleep(100)
"""


def test_a_writer_killed_in_the_middle_leaves_nothing_half_and_holds_up_no_one(
    database: Database,
) -> None:
    assert number_of_tags(database) == 0
    with started(STUCK, database.settings.model_dump_json()) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "in the middle\n"
        writer.kill()
        writer.wait()
    with database.changing(ANN, Permission.ANNOTATE) as change:
        assert change.connection.execute(select(tags)).all() == []
        change.record("run.looked_at", "r1")
    with database.reading() as connection:
        assert connection.execute(select(audit.c.sequence, audit.c.action)).all() == [
            (1, "run.looked_at")
        ]


def test_a_file_that_is_no_database_is_refused_with_its_name(tmp_path: Path) -> None:
    from taxiway.registry.section import SqliteRegistry

    path = tmp_path / "r.sqlite"
    path.write_text("this is not a database, but it is long enough to look at " * 20)
    database = Database(SqliteRegistry(kind="sqlite", path=str(path)))
    with pytest.raises(TaxiwayError) as refused, database.reading():
        pass
    assert str(refused.value) == (
        f"the registry {path} failed: file is not a database\n  edit: registry.path"
    )
