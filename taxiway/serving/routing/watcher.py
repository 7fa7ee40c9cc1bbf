"""Watches the routing table: sees each move within a poll, and keeps the last table meanwhile.

It asks in a thread of its own, so that a database that is slow or away holds up no request.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, select

from taxiway.errors import TaxiwayError
from taxiway.registry.database.tables import aliases, model_versions
from taxiway.registry.routes.placed import placed
from taxiway.registry.routes.records import current, revisions
from taxiway.serving.routing.table import RoutingTable

if TYPE_CHECKING:
    from taxiway.registry.database.session import Database

_ENDS_SECONDS: Final = 5.0
"""How long the end of a watch waits for a look that is under way."""
_NONE: Final = RoutingTable({})
"""Before the first look."""
Aliases = dict[str, dict[str, str]]


class RouteWatcher:
    """The routing table of some models, as of the last look. For one event loop.

    `async with` has it watch; `next` gives each table that differs from the one before.

    Args:
      database: the registry.
      models: names.
      environment: whose routes.
      poll_seconds: between two looks: `serving.poll_seconds`.
    """

    def __init__(
        self,
        database: Database,
        models: Iterable[str],
        environment: str,
        poll_seconds: float = 0.25,
    ) -> None:
        self.table = self._given = _NONE
        """As of the last look that saw it; empty before the first."""
        self.trouble = ""
        """Why the last look saw nothing; empty where it did."""
        self._database = database
        self._models = tuple(models)
        self._environment = environment
        self._poll_seconds = poll_seconds
        self._seen_at = time.monotonic()
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._news = asyncio.Event()
        self._thread = threading.Thread(target=self._watch, name="route-watcher", daemon=True)

    async def __aenter__(self) -> RouteWatcher:
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ended.set()
        self._wake.set()
        await asyncio.to_thread(self._thread.join, _ENDS_SECONDS)

    async def next(self) -> RoutingTable:
        """The table, once it differs from the one that was given before; the first one at once."""
        while self.table is self._given:
            self._news.clear()
            await self._news.wait()
        self._given = self.table
        return self._given

    def hurry(self) -> None:
        """Looks at once, as after a move of one's own. Safe for threads."""
        self._wake.set()

    def stale_seconds(self) -> float:
        """Since the table was last known to be that of the registry."""
        return time.monotonic() - self._seen_at

    def _watch(self) -> None:
        while not self._ended.is_set():
            self._wake.clear()
            begun = time.monotonic()
            try:
                table = self._look()
            except TaxiwayError as error:
                self.trouble = error.message
            else:
                self.trouble, self._seen_at = "", begun
                if table is not self.table:
                    self.table = table
                    with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                        self._loop.call_soon_threadsafe(self._news.set)
            self._wake.wait(self._poll_seconds)

    def _look(self) -> RoutingTable:
        """The table of now; the same object where it is as before."""
        with self._database.reading() as connection:
            before, named = self.table, read_aliases(connection, self._models)
            found = revisions(connection, self._models, self._environment)
            known = before is not _NONE
            if known and found == before.revisions and named == before.aliases:
                return before
            return read_table(connection, self._models, self._environment)


def read_table(connection: Connection, models: Iterable[str], environment: str) -> RoutingTable:
    """The routing table of some models, of one state of the registry."""
    names = tuple(models)
    found = {name: current(connection, name, environment) for name in names}
    routes = {name: one.route for name, one in found.items() if one is not None}
    places = {name: placed(connection, name, environment) for name in routes}
    return RoutingTable(routes, places, read_aliases(connection, names))


def read_aliases(connection: Connection, models: Iterable[str]) -> Aliases:
    """By model, the name of the version that each alias means."""
    versions = model_versions.c
    query = select(aliases.c.model, aliases.c.alias, versions.name).join_from(
        aliases, model_versions, aliases.c.version_id == versions.id
    )
    found: Aliases = {}
    for row in connection.execute(query.where(aliases.c.model.in_(list(models)))):
        found.setdefault(row.model, {})[row.alias] = row.name
    return found
