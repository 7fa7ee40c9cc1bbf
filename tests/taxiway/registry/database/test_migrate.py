"""A database's tables are those of tables.py, whoever makes them, how many do, and who dies."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select, text

from taxiway.errors import ConfigError
from taxiway.registry.database import migrate
from taxiway.registry.database.engines import ensure_database, make_engine
from taxiway.registry.database.release import REVISIONS, USER_VERSION, VERSION_TABLE
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import audit_head, metadata, routes
from taxiway.registry.deploy.history import history
from taxiway.registry.routes.records import current
from taxiway.registry.routes.route import Arm
from taxiway.registry.runs import list_runs
from taxiway.registry.section import Registry
from tests.taxiway.registry.conftest import KINDS
from tests.taxiway.registry.database.programs import AT_ONCE, run

Sections = Callable[[str], Registry]


def differences(connection: Connection) -> list[Any]:
    """What Alembic would change to make a database as tables.py says."""
    options = {"version_table": VERSION_TABLE, "compare_type": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def test_a_fresh_database_has_exactly_the_tables_of_today(database: Database) -> None:
    with database.reading() as connection:
        assert differences(connection) == []
        assert connection.execute(select(audit_head)).all() == [(1, 0, "0" * 64)]


def test_a_difference_would_be_seen(database: Database) -> None:
    with database.working() as connection:
        connection.execute(text("DROP TABLE notes"))
        connection.execute(text("ALTER TABLE runs DROP COLUMN folder"))
    with database.reading() as connection:
        assert [one[0] for one in differences(connection)] == [
            "add_table",
            "add_index",
            "add_column",
        ]


def test_every_migration_is_known_by_name() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate._MIGRATIONS))
    scripts = ScriptDirectory.from_config(config).walk_revisions()
    assert tuple(reversed([script.revision for script in scripts])) == REVISIONS


def test_tables_of_a_newer_release_are_refused_by_name(database: Database) -> None:
    with database.working() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0042'"))
    with closing(Database(database.settings)) as again, pytest.raises(ConfigError) as refused:
        _ = again.engine
    assert refused.value.message == (
        f"the registry {database.place} is of a newer Taxiway: its tables are those of revision "
        f"0042, and this release knows them up to {REVISIONS[-1]}"
    )
    key = "registry.path" if database.settings.kind == "sqlite" else "registry.database"
    assert refused.value.edit == f"{key}, or upgrade Taxiway"


OPEN = """
def work(database, number):
    with database.reading():
        pass

main()
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_database_is_made_once_by_eight_who_open_it_at_once(
    kind: str, sections: Sections
) -> None:
    settings = sections(kind)
    done = run(AT_ONCE + OPEN, settings.model_dump_json(), "8")
    assert (done.returncode, done.stderr) == (0, "")
    with closing(Database(settings)) as database, database.reading() as connection:
        assert differences(connection) == []
        assert connection.execute(select(audit_head)).all() == [(1, 0, "0" * 64)]


DIE_AT_A_STATEMENT = """
import signal
from sqlalchemy import Engine, event

def work(database, number):
    left = [1 + 3 * number]

    @event.listens_for(Engine, "before_cursor_execute")
    def executed(connection, cursor, statement, *_):
        left[0] -= statement.strip().startswith(("CREATE", "INSERT"))
        if left[0] == 0:  # no later than the tables, which each of them asks for
            os.kill(os.getpid(), signal.SIGKILL)

    with database.reading():
        pass

main()
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_migration_that_was_killed_half_way_is_finished_by_the_next(
    kind: str, sections: Sections
) -> None:
    """Six at once: each dies further on than the one before it, on the same database."""
    settings = sections(kind)
    done = run(AT_ONCE + DIE_AT_A_STATEMENT, settings.model_dump_json(), "6")
    assert (done.returncode, done.stderr) == (6, "")
    with closing(Database(settings)) as database, database.reading() as connection:
        assert differences(connection) == []
        assert connection.execute(select(audit_head)).all() == [(1, 0, "0" * 64)]


def _upgraded_to(settings: Registry, revision: str) -> None:
    """A database as the release of an earlier revision left it."""
    ensure_database(settings)
    engine = make_engine(settings)
    config = Config()
    config.set_main_option("script_location", str(migrate._MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        if settings.kind == "sqlite":
            connection.exec_driver_sql(f"PRAGMA user_version = {USER_VERSION}")
    engine.dispose()


_SERVED = {"model": "parcels", "environment": "", "place": "/serving/7", "action": "deploy"}
_SERVED |= {"queued_by": "ann", "deployed_by": "ben", "reason": "it is better"}
_TIMES = ("2026-03-01T12:00:00.000000Z", "2026-03-02T12:00:00.000000Z")


def _insert_deployments(settings: Registry) -> None:
    """Two of one model, of which the second serves, and one that serves elsewhere."""
    engine = make_engine(settings)
    rows = [
        _SERVED | {"version": "1.0.0", "since": _TIMES[0], "until": _TIMES[1], "place": "/s/6"},
        _SERVED | {"version": "1.1.0", "since": _TIMES[1], "until": ""},
        _SERVED | {"version": "1.0.0", "since": _TIMES[0], "until": "", "environment": "staging"},
    ]
    columns = ", ".join(rows[0])
    values = ", ".join(f":{name}" for name in rows[0])
    with engine.begin() as connection:
        statement = text(f"INSERT INTO deployments ({columns}) VALUES ({values})")  # ours
        connection.execute(statement, [{name: row[name] for name in rows[0]} for row in rows])
    engine.dispose()


@pytest.mark.parametrize("kind", KINDS)
def test_what_served_before_there_were_routes_has_all_traffic(
    kind: str, sections: Sections
) -> None:
    settings = sections(kind)
    _upgraded_to(settings, "0001")
    _insert_deployments(settings)
    with closing(Database(settings)) as database, database.reading() as connection:
        assert differences(connection) == []
        served = history(connection, "parcels", "")
        found = current(connection, "parcels", "")
        elsewhere = current(connection, "parcels", "staging")
        assert current(connection, "ships", "") is None
    assert [(one.version, one.arm, one.weight) for one in served] == [
        ("1.0.0", "stable", 100.0),
        ("1.1.0", "stable", 100.0),
    ]
    assert found is not None
    assert elsewhere is not None
    assert (found.route.revision, found.moved_by, found.reason) == (1, "ben", "it is better")
    assert found.route.arms == (Arm("stable", "1.1.0", 7, "/serving/7"),)
    assert elsewhere.route.stable.version == "1.0.0"


DIE_IN_THE_SECOND = """
import signal
from sqlalchemy import Engine, event

def work(database, number):
    left = [1 + number]

    @event.listens_for(Engine, "before_cursor_execute")
    def executed(connection, cursor, statement, *_):
        left[0] -= statement.strip().startswith(("CREATE", "INSERT", "ALTER", "UPDATE"))
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    with database.reading():
        pass

main()
"""


@pytest.mark.parametrize("kind", KINDS)
def test_the_second_migration_that_was_killed_half_way_is_finished_by_the_next(
    kind: str, sections: Sections
) -> None:
    settings = sections(kind)
    _upgraded_to(settings, "0001")
    _insert_deployments(settings)
    done = run(AT_ONCE + DIE_IN_THE_SECOND, settings.model_dump_json(), "6")
    assert done.returncode > 0, done.stderr
    with closing(Database(settings)) as database, database.reading() as connection:
        assert differences(connection) == []
        assert len(connection.execute(select(routes)).all()) == 2
        assert len(history(connection, "parcels", "")) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_runs_of_a_release_before_have_no_config_until_the_index_is_made_anew(
    kind: str, sections: Sections
) -> None:
    settings = sections(kind)
    _upgraded_to(settings, "0003")
    row = {"run_id": "r1", "pipeline": "parcels", "model": "", "outcome": "failed", "failure": "x"}
    row |= {"started_at": _TIMES[0], "version": "", "metrics": "{}", "facts": "{}", "folder": "/r1"}
    row |= {"search_text": "", "indexed_at": _TIMES[0]}
    engine = make_engine(settings)
    with engine.begin() as connection:
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        statement = f"INSERT INTO runs ({names}, seconds) VALUES ({values}, 1.5)"  # ours
        connection.execute(text(statement), row)
    engine.dispose()
    with closing(Database(settings)) as database:
        (run,) = list_runs(database)
        with database.reading() as connection:
            assert differences(connection) == []
    assert (run.run_id, run.seconds, run.params, run.slices) == ("r1", 1.5, {}, {})
