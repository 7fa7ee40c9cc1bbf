"""Brings a database to the tables of today, by Alembic; one process at a time.

On SQLite and PostgreSQL a migration is one transaction. MySQL commits each statement that changes
tables: there, what a migration that was killed has made is found and not made again, so that the
next process finishes it (`if_not_exists` and `_index` in migrations/versions).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, inspect, text

from taxiway.errors import TaxiwayError
from taxiway.registry.database.engines import WRITES
from taxiway.registry.database.release import REVISIONS, VERSION_TABLE, check_revision

if TYPE_CHECKING:
    from taxiway.registry.section import Registry

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK_KEY: Final = 7_240_114
"""PostgreSQL's advisory lock of those who migrate; a number of ours, within a database."""
_LOCK_SECONDS: Final = 120
"""How long a process waits for another's migration on MySQL."""


def migrate(engine: Engine, settings: Registry) -> None:
    """Makes the tables, or those of today from an older release's.

    Raises:
      ConfigError: the database is of a newer release.
      TaxiwayError: another process has been migrating for too long.
    """
    with engine.connect() as connection:
        if _revision(connection, settings) == REVISIONS[-1]:
            return
    with _ALONE[settings.kind](engine) as connection:
        if _revision(connection, settings) == REVISIONS[-1]:
            return  # another process was first
        if settings.kind == "sqlite":
            from taxiway.registry.database.older_files import upgrade_file

            upgrade_file(connection, Path(settings.path), lambda: _upgrade(connection))
        else:
            _upgrade(connection)


def _revision(connection: Connection, settings: Registry) -> str:
    """The newest migration that a database has had; empty where it has had none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608  # ours
    check_revision(str(found or ""), settings.place)
    return str(found or "")


@contextmanager
def _alone_in_file(engine: Engine) -> Iterator[Connection]:
    """No one else writes to the file."""
    with engine.connect() as opened:
        connection = opened.execution_options(**{WRITES: True})
        with connection.begin():
            yield connection


@contextmanager
def _alone_by_name(engine: Engine) -> Iterator[Connection]:
    """MySQL's locks have names, are the whole server's, and go with the connection."""
    database = str(engine.url.database)
    name = {"name": f"taxiway {hashlib.sha256(database.encode()).hexdigest()[:40]}"}
    with engine.connect() as connection:
        take = text(f"SELECT GET_LOCK(:name, {_LOCK_SECONDS})")
        if connection.execute(take, name).scalar() != 1:
            raise TaxiwayError(
                f"another process has been making the tables of {database} for {_LOCK_SECONDS} "
                "seconds",
                edit="try again",
            )
        try:
            connection.commit()
            yield connection
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), name)


@contextmanager
def _alone_by_number(engine: Engine) -> Iterator[Connection]:
    """PostgreSQL's goes with the transaction."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        yield connection


_ALONE: Final[dict[str, Callable[[Engine], AbstractContextManager[Connection]]]] = {
    "sqlite": _alone_in_file,
    "mysql": _alone_by_name,
    "postgresql": _alone_by_number,
}


def _upgrade(connection: Connection) -> None:
    """Runs the migrations that are missing."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
