"""SQLAlchemy's engine for each kind of database, and the database itself where a server has none.

Writers follow one another on every kind (see session.py); readers take no lock on any: they see
the database as it was when they began.
"""

from __future__ import annotations

import sqlite3
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from taxiway.registry.database.trouble import MISSING, OTHER_KIND, explained, meaning_of, why

if TYPE_CHECKING:
    from taxiway.registry.section import Registry

WRITES: Final = "taxiway_writes"
"""An execution option: this transaction writes."""
_BUSY_SECONDS: Final = 60
"""How long an SQLite writer waits for the one before it."""
_SILENT_SECONDS: Final = 300
"""A server that says nothing for so long is gone; a lock is waited for 50 seconds at most."""
_GREETING_SECONDS: Final = 10
"""A server that does not greet a client by then is of another kind."""
_LOCK_DATABASES: Final = 7_240_113
"""PostgreSQL's advisory lock of those who make databases; a number of ours."""

_AS_ON_SQLITE: Final = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
"""Any text, sorted by its bytes, whatever the server's own locale is."""

ENGINES: Final[dict[str, dict[str, Any]]] = {
    # No connection outlives its transaction: none is shared over a fork, and the file is whole.
    "sqlite": {"poolclass": NullPool, "connect_args": {"timeout": _BUSY_SECONDS}},
    "mysql": {
        "isolation_level": "READ COMMITTED",
        "pool_pre_ping": True,
        "connect_args": {"connect_timeout": _GREETING_SECONDS, "read_timeout": _SILENT_SECONDS},
    },
    "postgresql": {
        "isolation_level": "READ COMMITTED",
        "pool_pre_ping": True,
        "connect_args": {"timeout": _SILENT_SECONDS},
    },
}
"""What `create_engine` is given, by kind."""
READING: Final[dict[str, dict[str, Any]]] = {
    "sqlite": {},  # as it is: write-ahead log
    "mysql": {"isolation_level": "REPEATABLE READ"},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}
"""Execution options of a transaction that only reads, by kind: all its queries see one state."""
_NOT_UNDERSTOOD: Final = (KeyError, ValueError, struct.error)
"""What a driver raises that reads another protocol than its own."""
_PROBE: Final[dict[str, dict[str, Any]]] = {
    "mysql": {"connect_timeout": _GREETING_SECONDS, "read_timeout": _GREETING_SECONDS},
    "postgresql": {"timeout": _GREETING_SECONDS},
}


def make_engine(settings: Registry) -> Engine:
    """An engine that has not connected yet."""
    engine = create_engine(settings.url(), **ENGINES[settings.kind])
    if settings.kind == "sqlite":
        _prepare_sqlite(engine)
    return engine


def ensure_database(settings: Registry) -> None:
    """Sees that a server is of the right kind and has the database; makes it where it has none.

    Raises:
      ConfigError: it is of another kind, or the user may not make the database.
      DBAPIError: there is no way in.
    """
    if settings.kind == "sqlite":
        return
    url = settings.url()
    probe = create_engine(url, poolclass=NullPool, connect_args=_PROBE[settings.kind])
    try:
        probe.connect().close()
    except DBAPIError as error:
        if "timed out" in why(error) or why(error).startswith("network error"):
            raise explained(error, settings, OTHER_KIND) from error
        if meaning_of(error) is not MISSING:
            raise
    except _NOT_UNDERSTOOD as error:
        raise explained(error, settings, OTHER_KIND) from error
    else:
        return
    try:
        _make_database(url)
    except DBAPIError as error:
        raise explained(error, settings, MISSING) from error


def _make_database(url: URL) -> None:
    on_postgres = url.drivername.startswith("postgresql")
    server = url.set(database="postgres" if on_postgres else "")
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    name = engine.dialect.identifier_preparer.quote(str(url.database))
    with engine.connect() as connection:
        if not on_postgres:
            connection.execute(text(f"CREATE DATABASE IF NOT EXISTS {name}"))
            return
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK_DATABASES})
        there = text("SELECT 1 FROM pg_database WHERE datname = :name")
        if connection.execute(there, {"name": url.database}).scalar() is None:
            connection.execute(text(f"CREATE DATABASE {name} {_AS_ON_SQLITE}"))


def _prepare_sqlite(engine: Engine) -> None:
    """Begins transactions as they are meant: sqlite3 would begin one only before it writes.

    The write-ahead log lets readers and the writer be; `synchronous = FULL` has a commit on the
    disk before it is told, also where the power fails.
    """

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            with suppress(sqlite3.OperationalError):  # others are at it: the next one does it
                connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
