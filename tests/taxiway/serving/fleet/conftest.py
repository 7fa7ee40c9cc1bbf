"""A gateway's fleet over a real registry and real folders; what answers stands in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.modeling.names import COLUMNS
from taxiway.registry.audit.verify import verify
from taxiway.registry.auth.actor import Actor, Permission, Role
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import audit
from taxiway.registry.deploy.queue import queue_version
from taxiway.registry.versions.records import ModelVersion
from taxiway.serving.fleet.fleet import Fleet
from taxiway.serving.fleet.served_version import NotReady, ServedVersion
from taxiway.serving.requests.ask import Arrays, Column, Signature
from taxiway.serving.worker.errors import WorkerError
from tests.conftest import TINY
from tests.taxiway.registry.deploy.folders import registered

GATEWAY = Actor("gateway", "system", Role.ADMIN)
SIGNATURE = Signature((Column("weight", "float32"),), (Column("value", "float32"),))
SECONDS = 60.0


class Answering:
    """A loaded version in this process, that does what its model's content says.

    A number is answered with itself, "nan" with NaN, "one row" with one row however many were
    asked for, and "refuses" with an error.
    """

    def __init__(self, content: str) -> None:
        self.content = content
        self.signatures = {COLUMNS: SIGNATURE}
        self.asked: list[int] = []
        self.closed = False
        self.lost = ""
        self.gate = asyncio.Event()
        """Set where requests are answered, cleared where they wait."""
        self.gate.set()

    pid = None
    memory_bytes = None

    async def predict_columns(
        self, columns: Mapping[str, Sequence[Any]], deadline: float
    ) -> Arrays:
        """Answers, once the gate is open."""
        await self.gate.wait()
        rows = len(next(iter(columns.values())))
        self.asked.append(rows)
        if self.lost or self.closed:
            raise WorkerError(self.lost or "closed", reason="crashed")
        if self.content == "refuses":
            raise WorkerError("told to refuse", reason="model_error")
        if self.content == "one row":
            return {"value": np.ones([1], np.float32)}
        value = float("nan") if self.content == "nan" else float(self.content)
        return {"value": np.full([rows], value, np.float32)}

    async def predict_examples(self, examples: Sequence[bytes], deadline: float) -> Arrays:
        """Is not asked."""
        raise NotImplementedError

    async def close(self) -> None:
        """Ends it."""
        self.closed = True


class Site:
    """A model's registry and folders, and the gateways over them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.loaded: dict[str, list[Answering]] = {}
        """By version, what was loaded, in order."""
        self.not_loading: dict[str, str] = {}
        """By version, why it does not load."""
        config = self.config()
        self.database = Database(config.registry)
        self.model = config.model.name
        self.dataset = config.data.dataset

    def config(self, *assignments: str) -> Config:
        """Of a gateway."""
        fast = ("serving.poll_seconds=0.02", "serving.warm_up.rows=2")
        return load_config([TINY], [f"output.root={self.root}", *fast, *assignments])

    def push(self, content: str, number: int, model: str = "") -> ModelVersion:
        """A version that the Pusher has put where it serves, and that waits in the queue."""
        name = model or self.model
        folder = self.root / "serving" / name / str(number)
        version = registered(self.database, content, folder, model=name)
        with self.database.changing(GATEWAY, Permission.REGISTER) as change:
            queue_version(change, version, "")
        return version

    async def load(self, served: ServedVersion, _: Config) -> Answering:
        """In place of a worker."""
        why = self.not_loading.get(served.version)
        if why:
            raise NotReady(why)
        content = (Path(served.place) / "variables" / "variables.index").read_text()
        made = Answering(content)
        self.loaded.setdefault(served.version, []).append(made)
        return made

    @asynccontextmanager
    async def fleet(self, *assignments: str) -> AsyncIterator[Fleet]:
        """A gateway that runs."""
        fleet = Fleet(self.config(*assignments), self.database, GATEWAY, self.load)
        await fleet.start()
        try:
            yield fleet
        finally:
            await fleet.close()

    def audited(self) -> list[tuple[str, str, str]]:
        """Action, subject and reason of each entry of the audit, whose chain is whole."""
        with self.database.reading() as connection:
            assert verify(connection).faults == []
            rows = connection.execute(audit.select().order_by(audit.c.sequence)).mappings()
            return [(row["action"], row["subject"], row["reason"]) for row in rows]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """With an empty registry."""
    made = Site(tmp_path)
    yield made
    made.database.close()


async def until(
    happened: Callable[[], object], seconds: float = SECONDS, every: float = 0.005
) -> None:
    """Looks again and again, and gives up after a while."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(every)


def stable(fleet: Fleet, model: str) -> str:
    """The version that has the traffic; empty where none answers."""
    route = fleet.route(model)
    return route.stable.version if route else ""


async def ask(fleet: Fleet, model: str) -> float:
    """What the stable version answers."""
    served = fleet.version(model, stable(fleet, model))
    assert served is not None
    loaded = await served.available(time.monotonic() + SECONDS)
    answer = await loaded.predict_columns({"weight": [1.0]}, time.monotonic() + SECONDS)
    return float(answer["value"][0])


def state(fleet: Fleet, site: Site, version: str) -> str:
    served = fleet.version(site.model, version)
    return served.state if served else ""


def arms(fleet: Fleet, site: Site) -> list[str]:
    route = fleet.route(site.model)
    return [arm.version for arm in route.arms] if route else []


def refused(site: Site) -> list[tuple[str, str]]:
    """Subject and reason of what the audit says was refused."""
    found = site.audited()
    return [(subject, why) for action, subject, why in found if action == "deploy.refused"]
