"""Files of the releases before there were migrations: taken over whole, or left as they are."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from taxiway.errors import ConfigError
from taxiway.registry.audit.chain import entry_hash
from taxiway.registry.database.release import REVISIONS, USER_VERSION, VERSION_TABLE
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import audit, deploy_queue, model_versions, version_states
from taxiway.registry.deploy.queue import DeployQueue
from taxiway.registry.section import SqliteRegistry
from taxiway.registry.versions.records import Candidate, list_versions, register
from tests.taxiway.registry.conftest import ANN
from tests.taxiway.registry.database.programs import AT_ONCE, run
from tests.taxiway.registry.database.test_migrate import differences

VERSIONS = """
CREATE TABLE model_versions (
  id INTEGER PRIMARY KEY, model TEXT NOT NULL, major INTEGER NOT NULL, minor INTEGER NOT NULL,
  pipeline INTEGER NOT NULL, run_id TEXT NOT NULL, model_digest TEXT NOT NULL,
  contract_digest TEXT NOT NULL, pipeline_digest TEXT NOT NULL, pushed_to TEXT NOT NULL,
  metrics TEXT NOT NULL,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  UNIQUE (model, major, minor, pipeline), UNIQUE (model, model_digest)
);
INSERT INTO model_versions VALUES
  (1, 'parcels', 1, 0, 0, 'run1', 'm1', 'c1', 'p1', '/s/1', '{"auc": 0.7}',
   '2026-03-01T12:00:00.123Z'),
  (2, 'trains', 1, 0, 0, 'run2', 'm1', 'c1', 'p1', '/t/1', '{}', '2026-03-01T12:00:01.000Z'),
  (7, 'parcels', 1, 1, 0, 'run3', 'm2', 'c1', 'p1', '/s/2', '{"auc": NaN}',
   '2026-03-02T12:00:00.000Z');
"""
QUEUE_0 = """
CREATE TABLE deploy_queue (
  id INTEGER PRIMARY KEY, model TEXT NOT NULL, version TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'taken', 'done')),
  taken_by TEXT, lease_until REAL, takes INTEGER NOT NULL DEFAULT 0, UNIQUE (model, version)
);
INSERT INTO deploy_queue VALUES
  (1, 'parcels', '1.0.0', 'done', 'd', 1000.5, 1),
  (4, 'parcels', '1.1.0', 'waiting', NULL, NULL, 0);
"""
QUEUE_1 = """
CREATE TABLE deploy_queue (
  id INTEGER PRIMARY KEY, model TEXT NOT NULL, version TEXT NOT NULL,
  pushed_to TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'taken', 'done')),
  taken_by TEXT, lease_until REAL, takes INTEGER NOT NULL DEFAULT 0
);
INSERT INTO deploy_queue VALUES
  (1, 'parcels', '1.0.0', '/s/1', 'done', 'd', 1000.5, 1),
  (4, 'parcels', '1.1.0', '/s/2', 'taken', 'd', 9e9, 2);
PRAGMA user_version = 1;
"""
OLDER = {0: VERSIONS + QUEUE_0, 1: VERSIONS + QUEUE_1}
KEPT = "registry.of-older-release.sqlite"


def make(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(script)


def content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Database]:
    with closing(Database(SqliteRegistry(kind="sqlite", path=str(path)))) as database:
        yield database


@pytest.fixture(params=OLDER)
def older(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, int]:
    """A file, and its `user_version`."""
    path = tmp_path / "registry.sqlite"
    make(path, OLDER[request.param])
    return path, request.param


def rows(database: Database, table: Any) -> list[dict[str, Any]]:
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def test_it_has_exactly_the_tables_of_today(older: tuple[Path, int]) -> None:
    with opened(older[0]) as database, database.reading() as connection:
        assert differences(connection) == []
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() == USER_VERSION
        assert connection.exec_driver_sql("PRAGMA quick_check").scalar_one() == "ok"


def test_versions_keep_number_order_time_place_and_metrics(older: tuple[Path, int]) -> None:
    with opened(older[0]) as database:
        first, second = list_versions(database, "parcels")
        (other,) = list_versions(database, "trains")
    assert first.candidate == Candidate("parcels", "run1", "m1", "c1", "p1", "/s/1", {"auc": 0.7})
    assert (first.id, first.subject, first.number) == (1, "parcels/1.0.0", (1, 0, 0))
    assert first.created_at == "2026-03-01T12:00:00.123Z"
    assert (second.id, second.name) == (7, "1.1.0")
    assert str(second.candidate.metrics["auc"]) == "nan"
    assert (other.id, other.subject) == (2, "trains/1.0.0")


def test_they_count_as_approved_since_nobody_was_asked(older: tuple[Path, int]) -> None:
    with opened(older[0]) as database:
        states = rows(database, version_states)
    assert [(one["version_id"], one["environment"], one["state"]) for one in states] == [
        (1, "", "approved"),
        (2, "", "approved"),
        (7, "", "approved"),
    ]
    assert {one["reason"] for one in states} == {"pushed by a release that knew no approvals"}


def test_the_queue_keeps_its_entries_with_their_states(older: tuple[Path, int]) -> None:
    path, number = older
    with opened(path) as database:
        done, other = rows(database, deploy_queue)
        assert (done["id"], done["version"], done["state"]) == (1, "1.0.0", "done")
        assert (done["taken_by"], done["lease_until"], done["takes"]) == ("d", 1000.5, 1)
        assert (done["action"], done["environment"]) == ("deploy", "")
        assert done["pushed_to"] == ("/s/1" if number else "")
        assert (other["id"], other["state"]) == (4, "taken" if number else "waiting")
        assert (other["taken_by"], other["takes"]) == (("d", 2) if number else ("", 0))
        assert len(DeployQueue(database).waiting("parcels")) == 1


def test_work_goes_on_where_it_was(older: tuple[Path, int]) -> None:
    with opened(older[0]) as database:
        again = Candidate("parcels", "run4", "m1", "c1", "p1", "/s/3", {})
        first = register(database, again, ANN)
        assert (first.name, first.candidate.pushed_to) == ("1.0.0", "/s/3")
        version = register(
            database, Candidate("parcels", "run5", "m3", "c2", "p1", "/s/4", {}), ANN
        )
        assert (version.id, version.name) == (8, "2.0.0")
        assert DeployQueue(database).put(first, ANN)


def test_the_audit_begins_with_what_was_taken_over(older: tuple[Path, int]) -> None:
    path, number = older
    with opened(path) as database:
        (entry,) = rows(database, audit)
    assert (entry["action"], entry["subject"]) == ("registry.taken_over", "registry.sqlite")
    assert entry["after"] == (
        f'{{"kept":"{KEPT}","rows":{{"deploy_queue":2,"model_versions":3}},'
        f'"tables_of_version":{number}}}'
    )
    assert entry["hash"] == entry_hash(entry)


def test_a_copy_of_the_file_as_it_was_is_kept_beside_it(older: tuple[Path, int]) -> None:
    path = older[0]
    before = content(path)
    for _ in range(2):
        with opened(path) as database:
            list_versions(database, "parcels")
    assert content(path.with_name(KEPT)) == before
    assert sorted(one.name for one in path.parent.iterdir()) == [KEPT, path.name]


def test_what_is_in_the_write_ahead_log_only_is_taken_over_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    make(path, OLDER[1])
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("UPDATE model_versions SET run_id = 'in the log' WHERE id = 1")
        writer.commit()
        assert path.with_name("registry.sqlite-wal").stat().st_size > 0
        before = content(path)
        with opened(path) as database:
            assert list_versions(database, "parcels")[0].candidate.run_id == "in the log"
    assert content(path.with_name(KEPT)) == before


def test_a_copy_that_is_there_already_is_never_overwritten(older: tuple[Path, int]) -> None:
    path = older[0]
    path.with_name(KEPT).write_text("of an earlier time")
    with opened(path) as database:
        assert len(list_versions(database, "parcels")) == 2
        (entry,) = rows(database, audit)
    assert path.with_name(KEPT).read_text() == "of an earlier time"
    assert '"kept":"registry.of-older-release-2.sqlite"' in entry["after"]


DEATHS = 36
"""Processes that take it over, each killed three statements later than the one before."""
DIE_AT_A_STATEMENT = """
import shutil, signal
from sqlalchemy import Engine, event
from taxiway.registry.database import older_files
from taxiway.registry.section import SqliteRegistry

def work(database, number):
    left = [1 + 3 * number]

    def step(*_):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def stepping(method):
        def called(*arguments, **options):
            step()
            return method(*arguments, **options)
        return called

    Path.rename, Path.unlink = stepping(Path.rename), stepping(Path.unlink)
    def executed(connection, cursor, statement, *_):
        if not statement.strip().startswith(("SELECT", "PRAGMA main.")):
            step()

    event.listen(Engine, "before_cursor_execute", executed)
    event.listen(Engine, "commit", step)
    folder = Path(database.place).parent
    path = shutil.copytree(folder, folder.with_name(str(number))) / "registry.sqlite"
    with Database(SqliteRegistry(kind="sqlite", path=str(path))).reading():
        pass
    (path.parent / "done").touch()

main()
"""


@pytest.mark.one_stack
def test_a_take_over_that_is_killed_at_any_step_has_changed_nothing_or_is_done(
    tmp_path: Path,
) -> None:
    path = tmp_path / "first" / "registry.sqlite"
    make(path, OLDER[1])
    before = content(path)
    settings = SqliteRegistry(kind="sqlite", path=str(path))
    done = run(AT_ONCE + DIE_AT_A_STATEMENT, settings.model_dump_json(), str(DEATHS))
    died = [place for place in tmp_path.glob("[0-9]*") if not (place / "done").exists()]
    assert done.returncode == len(died) > 10, done.stderr
    assert done.stderr == ""
    assert len(died) < DEATHS  # the last ones are over before it is their turn
    for place in died:
        if VERSION_TABLE not in "".join(content(place / path.name)):
            assert content(place / path.name) == before
        with opened(place / path.name) as database:
            assert [one.name for one in list_versions(database, "parcels")] == ["1.0.0", "1.1.0"]
            assert [one["action"] for one in rows(database, audit)] == ["registry.taken_over"]
            assert len(DeployQueue(database).waiting("parcels")) == 1
        left = sorted(one.name for one in place.iterdir())
        assert left == [KEPT, path.name]
        assert content(place / KEPT) == before


OPEN = """
def work(database, number):
    with database.reading():
        pass

main()
"""


def test_eight_who_open_it_at_once_take_it_over_once(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    make(path, OLDER[1])
    settings = SqliteRegistry(kind="sqlite", path=str(path))
    done = run(AT_ONCE + OPEN, settings.model_dump_json(), "8")
    assert (done.returncode, done.stderr) == (0, "")
    with opened(path) as database:
        assert len(rows(database, audit)) == 1
        assert len(rows(database, model_versions)) == 3
    assert sorted(one.name for one in tmp_path.iterdir()) == [KEPT, path.name]


NEWER = {
    "a version": ("PRAGMA user_version = 9", "version 9", USER_VERSION),
    "a revision": (
        f"UPDATE {VERSION_TABLE} SET version_num = '0042'",
        "revision 0042",
        REVISIONS[-1],
    ),
}


@pytest.mark.parametrize("case", NEWER)
def test_a_file_of_a_newer_release_is_refused_and_left_byte_for_byte(
    case: str, tmp_path: Path
) -> None:
    path = tmp_path / "registry.sqlite"
    with opened(path) as database, database.reading():
        pass
    change, told, known = NEWER[case]
    with closing(sqlite3.connect(path)) as writer:  # which leaves the change in the log only
        writer.execute(change)
        writer.commit()
        before = {one.name: one.read_bytes() for one in tmp_path.glob("*[el]")}
        with opened(path) as database, pytest.raises(ConfigError) as refused:
            _ = database.engine
        assert {one.name: one.read_bytes() for one in tmp_path.glob("*[el]")} == before
    assert refused.value.message == (
        f"the registry {path} is of a newer Taxiway: its tables are those of {told}, and this "
        f"release knows them up to {known}"
    )
    assert refused.value.edit == "registry.path, or upgrade Taxiway"


def test_an_older_release_would_refuse_a_file_of_today(tmp_path: Path) -> None:
    """It looks at `user_version` before anything else, and knows 0 and 1."""
    path = tmp_path / "registry.sqlite"
    with opened(path) as database, database.reading():
        pass
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] > 1
