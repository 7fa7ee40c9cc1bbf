"""The operators' port of a gateway, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from taxiway.access.tokens import BearerTokens
from taxiway.delivery.section import Delivery
from taxiway.registry.database.session import Database
from taxiway.serving.gateway.admin.app import Operators, make_app
from taxiway.serving.gateway.metrics.recorder import Recorder
from tests.taxiway.serving.gateway.gateways import Gateway
from tests.taxiway.serving.gateway.ports import served


@dataclass
class Port:
    """What a test sets before it asks.

    Args:
      database: the registry.
      host: that the port says it is bound to; sockets are on 127.0.0.1 all the same.
    """

    database: Database
    host: str = "127.0.0.1"
    gateway: Gateway = field(default_factory=lambda: Gateway(model="parcels"))
    recorder: Recorder = field(default_factory=lambda: Recorder(["parcels"]))
    delivery: Delivery = field(default_factory=Delivery)

    def run(self, body: Callable[[int], Awaitable[Any]]) -> Any:
        """Has it answer while `body` runs with its number."""

        async def within() -> Any:
            with closing(BearerTokens(self.database)) as tokens:
                operators = Operators(
                    self.gateway, self.recorder, self.database, tokens, self.host, self.delivery
                )
                async with served(make_app(operators)) as port:
                    return await body(port)

        return asyncio.run(within())

    def ask(self, method: str, path: str, token: str = "", **arguments: Any) -> httpx.Response:
        """One request and its answer."""
        headers = dict(arguments.pop("headers", {}))
        if token:
            headers["authorization"] = f"Bearer {token}"

        async def body(port: int) -> httpx.Response:
            async with httpx.AsyncClient() as client:
                url = f"http://127.0.0.1:{port}{path}"
                return await client.request(method, url, headers=headers, **arguments)

        answer: httpx.Response = self.run(body)
        return answer


@pytest.fixture
def port(registry: Database) -> Port:
    """Bound to loopback."""
    return Port(registry)


@pytest.fixture
def open_port(registry: Database) -> Port:
    """Bound to every address."""
    return Port(registry, "0.0.0.0")
