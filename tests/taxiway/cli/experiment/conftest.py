"""Gateways over a real registry and log, users who react to what they are answered, and a desk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import yaml

from taxiway.config.schema import Config
from taxiway.delivery.experiment import moves
from taxiway.registry.auth.actor import Permission
from taxiway.registry.routes.moves import promote
from taxiway.registry.routes.records import current
from taxiway.registry.routes.route import Route
from taxiway.registry.versions.records import ModelVersion
from taxiway.serving.fleet.fleet import Fleet
from taxiway.serving.gateway.gateway import Gateway
from tests.conftest import TINY, CommandLine, Finished
from tests.taxiway.serving.fleet.conftest import GATEWAY, Site, until

MODEL = "tiny"
SECONDS = 30.0
AT_ONCE = 16
"""Requests at a time."""


@dataclass(frozen=True)
class Answered:
    """What a user was told.

    Args:
      value: of the model: the content of the version that answered.
    """

    user: str
    request_id: str
    value: float
    weight: float


@dataclass
class Running:
    """A gateway that runs, and a client of it."""

    client: httpx.AsyncClient
    gateway: Gateway

    async def ask(self, user: str, weight: float = 1.0, **headers: str) -> Answered:
        """One request of a user; of nobody where the name is empty."""
        said = {"x-targeting-key": user} if user else {}
        body = {"instances": [{"weight": weight}]}
        path = f"/v1/models/{MODEL}:predict"
        done = await self.client.post(path, json=body, headers=said | headers)
        assert done.status_code == 200, done.text
        value = done.json()["predictions"][0]
        value = value["value"] if isinstance(value, dict) else value
        return Answered(user, done.headers["x-request-id"], float(value), weight)

    async def ask_all(self, users: Sequence[tuple[str, float]]) -> list[Answered]:
        """As `ask`, several at a time, in their order."""
        found: list[Answered] = []
        for first in range(0, len(users), AT_ONCE):
            some = users[first : first + AT_ONCE]
            found += await asyncio.gather(*(self.ask(user, weight) for user, weight in some))
        return found

    async def reward(self, rewards: Sequence[dict[str, Any]]) -> None:
        """Posts some, and waits until all that the gateway has taken is on disk."""
        done = await self.client.post(f"/v1/models/{MODEL}/rewards", json=list(rewards))
        assert (done.status_code, done.json()) == (200, {"accepted": len(rewards)})
        await until(lambda: self.gateway.log.counts().waiting == 0)

    async def follows(self, site: Site) -> None:
        """Waits until it goes by the route of now, with all of its versions."""
        fleet = self.gateway.fleet

        def has_all() -> bool:
            now = route(site)
            loaded = [one.version for one in fleet.versions(MODEL) if one.loaded is not None]
            return (
                now is not None
                and fleet.route(MODEL) == now
                and {arm.version for arm in now.arms} <= set(loaded)
            )

        await until(has_all)


def route(site: Site) -> Route | None:
    with site.database.reading() as connection:
        found = current(connection, MODEL, "")
    return None if found is None else found.route


class Lab:
    """A model with versions that answer with their number, whose experiments a test makes.

    Args:
      site: its registry and folders.
      here: the command line.
    """

    def __init__(self, site: Site, here: CommandLine) -> None:
        self.site = site
        self.overlay = site.root / "experiment.yaml"
        self.versions: list[ModelVersion] = []
        self._here = here

    def __call__(self, *words: str) -> Finished:
        """Runs a command with the config of the site, and the experiment of `design`."""
        overlays = ["--config", TINY]
        if self.overlay.is_file():
            overlays += ["--config", str(self.overlay)]
        return self._here(*words, *overlays, "--set", f"output.root={self.site.root}")

    def json(self, *words: str) -> Any:
        done = self(*words, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    def status(self) -> Any:
        return self.json("experiment", "status")

    def design(self, **keys: Any) -> None:
        """Writes the config's experiment: of all versions, decided by the reward."""
        design = {
            "name": "prices",
            "arms": [{"version": one.name} for one in self.versions],
            "primary_metric": {"name": "reward", "effect": 0.2},
            "minimum_days": 0,
        }
        self.overlay.write_text(yaml.safe_dump({"delivery": {"experiment": design | keys}}))

    def started(self, **keys: Any) -> None:
        self.design(**keys)
        done = self("experiment", "start", "--wait", "0")
        assert "started prices" in done.out, done.err

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[Running]:
        """One of several, over the same registry and log, with all of its parts."""
        gateway = Gateway(self.config(), self.site.database, GATEWAY, load=self.site.load)
        try:
            await gateway.start()
            assert gateway.http is not None
            url = f"http://127.0.0.1:{gateway.http.port}"
            async with httpx.AsyncClient(base_url=url, timeout=SECONDS) as client:
                running = Running(client, gateway)
                await gateway.until_ready()
                await running.follows(self.site)
                yield running
        finally:
            await gateway.stop()

    def config(self) -> Config:
        """Of a gateway."""
        ports = [f"serving.{name}=0" for name in ("port", "grpc_port", "admin_port")]
        return self.site.config(*ports)

    async def command(self, *words: str) -> Finished:
        """Runs a command while gateways answer."""
        return await asyncio.to_thread(self, *words)

    async def pushed(self, *contents: str) -> None:
        """Has a gateway deploy versions one after another; the first one serves in the end."""
        async with self.site.fleet("serving.poll_seconds=0.02") as fleet:
            for content in contents:
                version = self.site.push(content, len(self.versions) + 1)
                self.versions.append(version)
                await until(lambda name=version.name: _serves(fleet, name))
        with self.site.database.changing(GATEWAY, Permission.DEPLOY) as change:
            promote(change, self.versions[0], "")


def _serves(fleet: Fleet, version: str) -> bool:
    found = fleet.route(MODEL)
    return found is not None and found.stable.version == version


@pytest.fixture
def lab(tmp_path: Path, here: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """Without versions. Users have the same arms each time: the salt is fixed."""
    monkeypatch.setattr(moves, "secrets", SimpleNamespace(token_hex=lambda size: "5a" * size))
    site = Site(tmp_path)
    yield Lab(site, here)
    site.database.close()
