"""What users of two gateways notice of moves and accidents, under load."""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import psutil
import uvloop

from benchmarks.serving.clients.http import ask
from benchmarks.serving.clients.told import CLIENTS, Load
from benchmarks.serving.site import NAME, Gateway, Site
from taxiway.errors import TaxiwayError

INFER: Final = f"/v2/models/{NAME}/infer"
WORKER: Final = "taxiway.serving.worker"
CANARY: Final = {
    "kind": "canary",
    "steps": [
        {"setWeight": 20},
        {"pause": {"duration": 2}},
        {"setWeight": 50},
        {"analysis": {"interval": 1, "count": 3, "metrics": [{"name": "error_rate"}]}},
    ],
}
_PATIENCE_SECONDS: Final = 120.0
Found = TypeVar("Found")


@dataclass(frozen=True)
class Accident:
    """What came of one.

    Args:
      name: what happened.
      told: of the clients.
      last_of_old: seconds from the command to the last answer of the version that it replaced; None
        where none was replaced.
    """

    name: str
    told: Load
    last_of_old: float | None = None


def accidents(site: Site, row: dict[str, Any], seconds: float) -> list[Accident]:
    """All of them, one after the other, each in the middle of some seconds of load."""
    old, _ = site.names
    found = []
    with site.gateway() as one, site.gateway() as two:
        for name, act, moves in (
            (f"promote {old}", lambda: site.rollout(one, "promote", f"{NAME}/{old}"), True),
            ("undo", lambda: site.rollout(one, "undo"), True),
            ("kill -9 of a worker", lambda: _kill_worker(one), False),
            ("restart of a gateway, its clients go on with the other", one.restart, False),
            (
                "kill -9 of a gateway, its clients go on with the other",
                lambda: one.process.kill(),
                False,
            ),
        ):
            told, began = uvloop.run(_meanwhile([one, two], row, seconds, act))
            found.append(Accident(name, told, _last_of_old(told, began) if moves else None))
    return found


def killed_in_a_canary(site: Site, row: dict[str, Any], seconds: float) -> Accident:
    """The gateway that moves a canary on is killed under load, and the other one goes on with it.

    Args:
      site: whose strategy is `CANARY`, so that its second version comes as one.
      row: that is asked for.
      seconds: of load before and after, beside what the canary takes.

    Raises:
      TaxiwayError: the canary does not end well.
    """
    with site.gateway() as one, site.gateway() as two:

        def act() -> None:
            holder = _wait_for(lambda: _holder([one, two]), "no gateway moves the canary on")
            holder.process.kill()
            left = two if holder is one else one
            _wait_for(lambda: _ended(left), "the canary does not end")
            found = _rollout_of(left)
            if found["phase"] != "Healthy":
                raise TaxiwayError(f"the canary is {found['phase']}: {found['reason']}")

        told, began = uvloop.run(_meanwhile([one, two], row, seconds, act))
    name = "kill -9 of the gateway that moves a canary on, to its end"
    return Accident(name, told, _last_of_old(told, began))


def _holder(gateways: Sequence[Gateway]) -> Gateway | None:
    """The gateway that moves a rollout on which has begun to take traffic; None for none."""
    for gateway in gateways:
        found = _get(gateway, "/api/status")["models"][0]["rollout"]
        if found and found["is_held"] and found["weight"]:
            return gateway
    return None


def _ended(gateway: Gateway) -> bool:
    found = _rollout_of(gateway)
    return bool(found["ended_at"]) and _get(gateway, "/api/status")["models"][0]["rollout"] is None


def _rollout_of(gateway: Gateway) -> dict[str, Any]:
    found: dict[str, Any] = _get(gateway, f"/api/models/{NAME}/rollout")["rollout"]
    return found


def _get(gateway: Gateway, path: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=10)
    try:
        connection.request("GET", path)
        found: dict[str, Any] = json.load(connection.getresponse())
        return found
    finally:
        connection.close()


def _wait_for(look: Callable[[], Found | None], complaint: str) -> Found:
    ends = time.monotonic() + _PATIENCE_SECONDS
    while not (found := look()):
        if time.monotonic() > ends:
            raise TaxiwayError(complaint, edit="make bench-serving")
        time.sleep(0.2)
    return found


async def _meanwhile(
    servers: Sequence[Gateway], row: dict[str, Any], seconds: float, act: Callable[[], None]
) -> tuple[Load, float]:
    """The load until some seconds after the act, and when that began."""
    ended = asyncio.Event()
    ports = [server.port for server in servers]
    asking = asyncio.create_task(ask(ports, INFER, infer_body(row), ended.is_set, CLIENTS // 2))
    await asyncio.sleep(seconds / 2)
    began = time.monotonic()
    try:
        await asyncio.to_thread(act)
        await asyncio.sleep(seconds / 2)
    finally:
        ended.set()
        told = await asking
    return told, began


def infer_body(row: dict[str, Any]) -> bytes:
    """A row as a request of the Open Inference Protocol, whose answers name their version."""
    inputs = [
        {"name": name, "shape": [1], "datatype": _datatype(value), "data": [value]}
        for name, value in row.items()
    ]
    return json.dumps({"inputs": inputs}).encode()


def _last_of_old(told: Load, began: float) -> float:
    """Seconds from when a command was typed to the last answer of what it replaced."""
    versions = [
        (at, json.loads(answer).get("model_version")) for at, answer in sorted(told.answers)
    ]
    if not versions:
        return 0.0
    at_the_end = versions[-1][1]
    return max((at - began for at, version in versions if version != at_the_end), default=0.0)


def _kill_worker(server: Gateway) -> None:
    for child in psutil.Process(server.process.pid).children(recursive=True):
        if WORKER in " ".join(child.cmdline()):
            child.send_signal(signal.SIGKILL)
            return
    raise TaxiwayError("the gateway has no worker", edit="make bench-serving")


def _datatype(value: object) -> str:
    return "BYTES" if isinstance(value, str) else "INT64" if isinstance(value, int) else "FP32"
