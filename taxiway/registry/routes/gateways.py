"""Gateways: each says every few seconds that it lives, and which routes it has taken up."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select

from taxiway.process.alive import is_alive
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import gateways, now, written
from taxiway.registry.routes.route import Route

BEAT_SECONDS: Final = 2.0
"""Between two heartbeats of a gateway of which nothing has changed."""
LIVE_SECONDS: Final = 15.0
"""After its last heartbeat a gateway counts as gone."""
_KEPT_SECONDS: Final = 24 * 3600.0
"""After its last heartbeat it is removed."""
_LOOK_SECONDS: Final = 0.05
"""Between two looks at whether gateways have taken up a route."""


@dataclass(frozen=True)
class Gateway:
    """A gateway, as it says of itself.

    Args:
      id: its own, for as long as its process lives.
      host: name of its machine or pod.
      pid: of its process, there.
      environment: whose routes it goes by.
      started_at: when it started.
      seen_at: when it last said so.
      revisions: by model that it serves, the revision of the route that its requests go by; 0
        before the first.
      states: by model, by version: `{"state": "AVAILABLE", "error": ""}`, named as TensorFlow
        Serving does.
    """

    id: str
    host: str
    pid: int
    environment: str
    started_at: str
    seen_at: str = ""
    revisions: Mapping[str, int] = field(default_factory=dict)
    states: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def here(cls, environment: str) -> Gateway:
        """That of this process."""
        host, pid = socket.gethostname(), os.getpid()
        return cls(f"{host}:{pid}:{secrets.token_hex(4)}", host, pid, environment, now())

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    def has_taken_up(self, route: Route) -> bool:
        """Whether its requests go by a route, or by a later one."""
        return self.revisions.get(route.model, 0) >= route.revision

    def error_of(self, route: Route) -> str:
        """Why a version that a route wants does not answer there; empty where it is not known."""
        states = self.states.get(route.model, {})
        errors = [
            f"{arm.version} is {state['state']}: {state['error']}"
            for arm in route.versions
            if (state := states.get(arm.version)) and state.get("error")
        ]
        return "; ".join(errors)


def beat(database: Database, gateway: Gateway) -> None:
    """Writes what a gateway says of itself, and removes those that are long gone."""
    values = asdict(gateway) | {"seen_at": now()}
    with database.working() as connection:
        gone = gateways.c.seen_at < written(time.time() - _KEPT_SECONDS)
        connection.execute(delete(gateways).where(gone | (gateways.c.id == gateway.id)))
        connection.execute(insert(gateways).values(values))


def leave(database: Database, gateway: Gateway) -> None:
    """Removes a gateway that ends."""
    with database.working() as connection:
        connection.execute(delete(gateways).where(gateways.c.id == gateway.id))


def known_gateways(connection: Connection, environment: str) -> list[Gateway]:
    """All of an environment that have not been removed yet, by start."""
    query = select(gateways).where(gateways.c.environment == environment)
    rows = connection.execute(query.order_by(gateways.c.started_at, gateways.c.id))
    return [Gateway(**row._mapping) for row in rows]


def live_gateways(connection: Connection, model: str, environment: str) -> list[Gateway]:
    """Those that serve a model, as far as is known: by their heartbeat, and by their process."""
    since, host = written(time.time() - LIVE_SECONDS), socket.gethostname()
    return [
        one
        for one in known_gateways(connection, environment)
        if model in one.revisions
        and one.seen_at >= since
        and (one.host != host or is_alive(one.pid))
    ]


@dataclass(frozen=True)
class TakenUp:
    """Which gateways that serve a model go by its route."""

    ready: list[Gateway]
    behind: list[Gateway]


def wait_until_taken_up(
    database: Database,
    route: Route,
    seconds: float,
    wait: Callable[[float], None] = time.sleep,
) -> TakenUp:
    """Waits until all live gateways go by a route, or for so long at most."""
    ends = time.monotonic() + seconds
    while True:
        with database.reading() as connection:
            live = live_gateways(connection, route.model, route.environment)
        ready = [one for one in live if one.has_taken_up(route)]
        behind = [one for one in live if not one.has_taken_up(route)]
        if not behind or time.monotonic() >= ends:
            return TakenUp(ready, behind)
        wait(_LOOK_SECONDS)
