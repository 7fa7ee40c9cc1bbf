"""Brings a database to the tables of today, by Alembic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import URL, Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from taxiway.errors import ConfigError

if TYPE_CHECKING:
    from taxiway.registry.section import Registry

HEAD: Final = "0001"
"""The newest migration, so that a database of today is known without importing Alembic."""
VERSION_TABLE: Final = "taxiway_registry_version"


def migrate(engine: Engine, settings: Registry) -> None:
    """Makes the tables, or those of today from an older release's.

    Raises:
      ConfigError: the database is of a newer release.
    """
    with engine.connect() as connection:
        found = _revision(connection)
    if found == HEAD:
        return
    if found and found > HEAD:
        raise ConfigError(
            f"the registry {settings.place} is of a newer Taxiway: its tables are those of "
            f"revision {found}, and this release knows them up to {HEAD}",
            edit="registry, or upgrade Taxiway",
        )
    with _alone(engine) as connection:
        if _revision(connection) != HEAD:  # another process may have been first
            _upgrade(connection)


def make_database(url: URL) -> None:
    """Makes the database of a server's address where it is missing and the user may.

    Where the user may not, the next connection says what is wrong.
    """
    name, missing = url.database, "SELECT 1 FROM pg_database WHERE datname = :name"
    server = url.set(database="postgres" if url.drivername.startswith("postgresql") else "")
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with suppress(DBAPIError), engine.connect() as connection:
        quoted = connection.dialect.identifier_preparer.quote(str(name))
        if connection.dialect.name == "mysql":
            connection.execute(text(f"CREATE DATABASE IF NOT EXISTS {quoted}"))
        elif connection.execute(text(missing), {"name": name}).scalar() is None:
            connection.execute(text(f"CREATE DATABASE {quoted}"))
    engine.dispose()


def _revision(connection: Connection) -> str:
    """The newest migration that a database has had; empty where it has had none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608  # ours
    return str(found or "")


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A transaction in which no other process migrates."""
    with engine.connect() as opened:
        connection = opened.execution_options(taxiway_writes=True)
        with connection.begin():
            yield connection


def _upgrade(connection: Connection) -> None:
    """Runs the migrations that are missing."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
