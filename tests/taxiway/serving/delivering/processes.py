"""Gateways as processes of their own over one registry, and clients that ask them all the time."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from taxiway.delivery.rollout.records import events_of, rollouts_of
from taxiway.delivery.rollout.state import Event, Rollout
from taxiway.registry.database.tables import leases
from taxiway.registry.routes.records import current
from tests.conftest import REPOSITORY
from tests.taxiway.serving.fleet.conftest import Site
from tests.tied import tied

PROGRAM = Path(__file__).with_name("gateway_program.py")
SECONDS = 60.0
PAUSE_SECONDS = 0.01
"""Between two requests of a client: so many that they are evidence, and leave the machine to it."""
MOVING = ("serving.poll_seconds=0.05", "delivery.lease_seconds=0.9", "serving.warm_up.rows=2")


def until(happened: Callable[[], object], seconds: float = SECONDS) -> None:
    """Looks again and again, and gives up after a while."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@dataclass
class Running:
    """A gateway."""

    process: subprocess.Popen[str]
    id: str
    port: int
    admin: int
    was_killed: bool = False

    def kill(self) -> None:
        """As `kill -9` does."""
        self.was_killed = True
        self.process.kill()
        self.process.wait(SECONDS)

    def status(self) -> dict[str, Any]:
        """Of its operators' port."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=SECONDS)
        try:
            connection.request("GET", "/api/status")
            found = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        assert isinstance(found, dict)
        return found


class Gateways:
    """Starts gateways of a site, and ends those that run still.

    Args:
      site: whose registry they share.
      assignments: of their config.
    """

    def __init__(self, site: Site, *assignments: str) -> None:
        self._ports = [f"serving.{name}port=0" for name in ("", "grpc_", "admin_")]
        self._assignments = [f"output.root={site.root}", *self._ports, *MOVING, *assignments]
        self._all: list[subprocess.Popen[str]] = []

    def start(self) -> Running:
        """One, once it is ready."""
        command = [sys.executable, "-m", PROGRAM.stem, json.dumps(self._assignments)]
        command[1:3] = [str(PROGRAM)]
        process = subprocess.Popen(
            tied(*command),
            cwd=REPOSITORY,
            env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._all.append(process)
        assert process.stdout is not None
        word, port, admin, name = process.stdout.readline().split()
        assert word == "listening"
        assert process.stdout.readline() == "ready\n"
        return Running(process, name, int(port), int(admin))

    def end(self) -> None:
        """All that run."""
        for one in self._all:
            one.terminate()
        for one in self._all:
            one.communicate(timeout=SECONDS)


@contextmanager
def gateways(site: Site, *assignments: str) -> Iterator[Gateways]:
    """Gateways that end with the block."""
    made = Gateways(site, *assignments)
    try:
        yield made
    finally:
        made.end()


@dataclass
class Load:
    """What clients were told.

    Args:
      answers: values, in order, with the request's id.
      failures: what was no answer, by a gateway that ran.
    """

    answers: list[tuple[str, float]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def values(self, last: int) -> set[float]:
        """The newest answers."""
        return {value for _, value in self.answers[-last:]}


@contextmanager
def asked(site: Site, running: Sequence[Running], weight: float = 1_000.0) -> Iterator[Load]:
    """Has a client per gateway ask it all the time, one request after another."""
    load, ended = Load(), threading.Event()
    body = json.dumps({"inputs": {"weight": [weight]}})
    path = f"/v1/models/{site.model}:predict"
    clients = [
        threading.Thread(target=_ask, args=(one, path, body, load, ended), daemon=True)
        for one in running
    ]
    for one in clients:
        one.start()
    try:
        yield load
    finally:
        ended.set()
        for one in clients:
            one.join(SECONDS)


def _ask(running: Running, path: str, body: str, load: Load, ended: threading.Event) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=SECONDS)
    try:
        while not ended.wait(PAUSE_SECONDS):
            try:
                connection.request("POST", path, body)
                reply = connection.getresponse()
                text = reply.read()
            except (OSError, http.client.HTTPException) as error:
                if running.was_killed:
                    return
                load.failures.append(f"{type(error).__name__}: {error}")
                return
            if reply.status != 200:
                load.failures.append(f"{reply.status} {text!r}")
                continue
            found = json.loads(text)["outputs"]
            value = found["value"] if isinstance(found, dict) else found
            load.answers.append((reply.headers["x-request-id"], float(value[0])))
    finally:
        connection.close()


def rollout(site: Site) -> Rollout | None:
    """The newest one."""
    with site.database.reading() as connection:
        found = rollouts_of(connection, site.model, "", 1)
    return found[0] if found else None


def phase(site: Site) -> str:
    found = rollout(site)
    return "" if found is None else found.phase


def events(site: Site) -> list[Event]:
    """Of the newest one."""
    found = rollout(site)
    assert found is not None
    with site.database.reading() as connection:
        return events_of(connection, found.id)


def weights(site: Site) -> dict[str, float]:
    """By version, in the registry."""
    with site.database.reading() as connection:
        found = current(connection, site.model, "")
    return {arm.version: arm.weight for arm in found.route.arms} if found else {}


def holder(site: Site) -> str:
    """The gateway that moves the rollout on; empty where none does."""
    with site.database.reading() as connection:
        rows = connection.execute(leases.select()).all()
    return next((row.holder for row in rows if row.name.startswith("rollout:")), "")
