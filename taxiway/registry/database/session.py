"""The one way into the registry's database: to read, to work, and to change what is on the audit.

Every write holds the row of `audit_head`, so that on each kind of database one writer follows
another and what a change has read still holds when it writes.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from taxiway.registry.audit.chain import append
from taxiway.registry.auth.actor import Actor, Permission, require
from taxiway.registry.database.connection import SqliteConnection
from taxiway.registry.database.engines import READING, WRITES, ensure_database, make_engine
from taxiway.registry.database.migrate import migrate
from taxiway.registry.database.release import check_file
from taxiway.registry.database.tables import audit_head
from taxiway.registry.database.trouble import explained, patiently

if TYPE_CHECKING:
    from taxiway.registry.section import Registry


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
    """An open registry; see `open_database`. Safe for threads; a fork makes its own connections."""

    def __init__(self, settings: Registry) -> None:
        self.settings = settings
        self.place = settings.place
        self._engines: dict[tuple[int, int], Engine] = {}

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, on tables of today: made or migrated when first asked.

        Raises:
          TaxiwayError: it cannot be opened, or is a newer release's.
        """
        with self._explained():
            return self._engine()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads, and all of one state; it waits for no one."""

        def begun() -> Connection:
            return self._engine().connect().execution_options(**READING[self.settings.kind])

        with self._explained(), patiently(begun, self.settings) as connection:
            yield connection

    @contextmanager
    def working(self) -> Iterator[Connection]:
        """A transaction that writes what nobody decides: leases, the outbox, the index of runs.

        A database that is away is waited for before it begins. Where it goes away in the middle,
        the block is not done again: who calls can tell whether that would be the same twice.
        """
        with self._explained(), patiently(self._begun, self.settings) as connection:
            yield connection
            connection.commit()

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

    def close(self) -> None:
        """Ends the connections of this process; whoever asks next makes others."""
        for key in [key for key in self._engines if key[0] == os.getpid()]:
            self._engines.pop(key).dispose()

    def _engine(self) -> Engine:
        """The engine of this process and, for a file, of the file that is there now."""
        known = self._engines.get(self._identity())
        if known is not None:
            return known
        if isinstance(self.settings, SqliteConnection):
            check_file(Path(self.settings.path))
        engine = make_engine(self.settings)
        try:
            patiently(lambda: ensure_database(self.settings), self.settings)
            patiently(lambda: migrate(engine, self.settings), self.settings)
        except BaseException:
            engine.dispose()
            raise
        kept = self._engines.setdefault(self._identity(), engine)
        if kept is not engine:  # another thread was first
            engine.dispose()
        return kept

    def _identity(self) -> tuple[int, int]:
        """Of this process, and of a file that has not been removed or emptied since."""
        if not isinstance(self.settings, SqliteConnection):
            return os.getpid(), 0
        try:
            found = Path(self.settings.path).stat()
        except OSError:
            return os.getpid(), 0
        return os.getpid(), found.st_ino if found.st_size else 0

    def _begun(self) -> Connection:
        """A transaction that holds the row for which all writers wait."""
        connection = self._engine().connect()
        try:
            connection.execution_options(**{WRITES: True})
            connection.execute(select(audit_head.c.id).with_for_update())
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise explained(error, self.settings) from error


@functools.lru_cache
def open_database(settings: Registry) -> Database:
    """The one open registry of this process for a `registry` section."""
    return Database(settings)
