"""The one way into the registry's database: to read, to work, and to change what is on the audit.

Every write holds the row of `audit_head`, so that on each kind of database one writer follows
another and what a change has read still holds when it writes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from taxiway.errors import TaxiwayError
from taxiway.registry.audit.chain import append
from taxiway.registry.auth.actor import Actor, Permission, require
from taxiway.registry.database.migrate import make_database, migrate
from taxiway.registry.database.tables import audit_head

if TYPE_CHECKING:
    from taxiway.registry.section import Registry

_BUSY_SECONDS: Final = 60.0
_WRITES: Final = "taxiway_writes"
"""An execution option: this transaction writes."""


@dataclass
class Change:
    """A transaction that changes something, by someone.

    Args:
      connection: to execute SQL on; committed when the block ends well.
      actor: who changes it.
    """

    connection: Connection
    actor: Actor
    recorded: int = field(default=0, init=False)

    def record(
        self, action: str, subject: str, before: Any = None, after: Any = None, reason: str = ""
    ) -> None:
        """Writes an entry of the audit, in this transaction.

        Args:
          action: such as `version.registered`.
          subject: such as `flights/1.2.7`, `flights@champion`, `token:ann`.
          before: what it was, as plain values; None where there was nothing.
          after: what it is.
          reason: as the actor gave it.
        """
        append(self.connection, self.actor, action, subject, before, after, reason)
        self.recorded += 1


class Database:
    """An open registry; see `open_database`. Safe for threads; a fork opens its own."""

    def __init__(self, settings: Registry) -> None:
        self.settings = settings
        self.place = settings.place

    @functools.cached_property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, on tables of today: made or migrated when first asked.

        Raises:
          TaxiwayError: it cannot be opened, or is a newer release's.
        """
        with self._explained():
            url = self.settings.url()
            if self.settings.kind != "sqlite":
                make_database(url)
            engine = create_engine(url, **_options(self.settings.kind))
            if self.settings.kind == "sqlite":
                _prepare_sqlite(engine)
            migrate(engine, self.settings)
        return engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._explained(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def working(self) -> Iterator[Connection]:
        """A transaction that writes what nobody decides: leases, the outbox, the index of runs."""
        with self._explained(), self.engine.connect() as opened:
            connection = opened.execution_options(**{_WRITES: True})
            with connection.begin():
                connection.execute(select(audit_head.c.id).with_for_update())
                yield connection

    @contextmanager
    def changing(self, actor: Actor, permission: Permission) -> Iterator[Change]:
        """A transaction that changes something, and says so in the audit.

        Raises:
          NotAllowed: the actor's role does not permit it.
        """
        with self.working() as connection:
            require(actor, permission, connection)
            change = Change(connection, actor)
            yield change
            if not change.recorded:  # nothing was there to be changed
                connection.rollback()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise TaxiwayError(
                f"the registry {self.place} failed: {cause}",
                edit="registry.path" if self.settings.kind == "sqlite" else "registry.host",
            ) from error


@functools.lru_cache
def open_database(settings: Registry) -> Database:
    """The one open registry of this process for a `registry` section."""
    return Database(settings)


def _options(kind: str) -> dict[str, Any]:
    if kind == "sqlite":
        return {"connect_args": {"timeout": _BUSY_SECONDS}}
    return {"isolation_level": "READ COMMITTED", "pool_pre_ping": True}


def _prepare_sqlite(engine: Engine) -> None:
    """Begins transactions as they are meant: sqlite3 would begin one only before it writes."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
