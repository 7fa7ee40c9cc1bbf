"""`make bench-serving`: requests a second, and what users notice of accidents. Loopback only.

All on the model that `make run-local` has pushed, in one run on one machine, clients included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil
import uvloop
from rich.table import Table

from benchmarks.report import console
from benchmarks.serving.load import CLIENTS, Load, ask
from benchmarks.serving.site import NAME, Server, Site, rows
from taxiway.errors import EXIT_OK, TaxiwayError

PREDICT: Final = f"/v1/models/{NAME}:predict"
WORKER: Final = "taxiway.serving.worker"


def main() -> int:
    """Measures, and prints two tables."""
    options = argparse.ArgumentParser(prog="make bench-serving")
    options.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    options.add_argument("--var", type=Path, default=Path("var"), help="where a run has been")
    given = options.parse_args()
    models = sorted(given.var.glob(f"serving/{NAME}/[0-9]*"))
    requests = sorted(given.var.glob("reports/*/request.json"))
    if not models or not requests:
        raise TaxiwayError(f"no model has been pushed below {given.var}", edit="make run-local")
    row = rows(requests[-1])
    body = json.dumps({"instances": [row]}).encode()
    with tempfile.TemporaryDirectory(prefix="taxiway-bench-") as folder:
        site = Site(Path(folder), models[-1], row)
        compared(site, body, given.seconds)
        accidents(site, body, given.seconds)
    return EXIT_OK


def compared(site: Site, body: bytes, seconds: float) -> None:
    """The same clients and row on each server, one server at a time."""
    table = Table("server", "requests/s", "p50, ms", "p99, ms", "failed", box=None)
    for name, server, path in (
        ("gateway", site.gateway, PREDICT),
        ("plain FastAPI, the model in its process", site.plain, "/predict"),
    ):
        with server() as at:
            uvloop.run(ask([at.port], path, body, _after(seconds / 5)))  # warms it up
            told = uvloop.run(ask([at.port], path, body, _after(seconds)))
        table.add_row(name, f"{told.per_second:,.0f}", *_latencies(told), str(len(told.failed)))
    console().print(f"{CLIENTS} clients, one row each, {seconds:g} s")
    console().print(table)


def accidents(site: Site, body: bytes, seconds: float) -> None:
    """What happens to users of two gateways of one registry, under load."""
    old, _ = site.names
    table = Table(
        "under load", "requests", "failed", "p99, ms", "command to last of the old, s", box=None
    )
    with site.gateway() as one, site.gateway() as two:
        for name, act in (
            (f"promote {old}", lambda: site.rollout(one, "promote", f"{NAME}/{old}")),
            ("undo", lambda: site.rollout(one, "undo")),
            ("kill -9 of a worker", lambda: _kill_worker(one)),
            ("kill -9 of a gateway, its clients go on with the other", lambda: one.process.kill()),
        ):
            told, began = uvloop.run(_meanwhile([one, two], body, seconds, act))
            late = _last_of_another(told, began)
            table.add_row(
                name,
                f"{len(told.answers):,}",
                str(len(told.failed)),
                f"{told.percentile_ms(99):.1f}",
                f"{late:.2f}" if name in (f"promote {old}", "undo") else "",
            )
            for what in sorted(set(told.failed))[:3]:
                console().print(f"  {name}: {what}")
    console().print(table)


async def _meanwhile(
    servers: list[Server], body: bytes, seconds: float, act: Callable[[], None]
) -> tuple[Load, float]:
    """The load of some seconds, and when the act began, in their middle."""
    columns = json.loads(body)["instances"][0]
    inputs = [
        {"name": name, "shape": [1], "datatype": _datatype(value), "data": [value]}
        for name, value in columns.items()
    ]
    request = json.dumps({"inputs": inputs}).encode()
    ended = asyncio.Event()
    path = f"/v2/models/{NAME}/infer"
    ports = [server.port for server in servers if server.process.poll() is None]
    asking = asyncio.create_task(ask(ports, path, request, ended.is_set, CLIENTS // 2))
    await asyncio.sleep(seconds / 2)
    began = time.monotonic()
    await asyncio.to_thread(act)
    await asyncio.sleep(seconds / 2)
    ended.set()
    return await asking, began


def _last_of_another(told: Load, began: float) -> float:
    """Seconds from when a command was typed to the last answer of what it replaced."""
    versions = [
        (at, json.loads(answer).get("model_version")) for at, answer in sorted(told.answers)
    ]
    if not versions:
        return 0.0
    at_the_end = versions[-1][1]
    return max((at - began for at, version in versions if version != at_the_end), default=0.0)


def _kill_worker(server: Server) -> None:
    for child in psutil.Process(server.process.pid).children(recursive=True):
        if WORKER in " ".join(child.cmdline()):
            child.send_signal(signal.SIGKILL)
            return
    raise TaxiwayError("the gateway has no worker", edit="make bench-serving")


def _datatype(value: object) -> str:
    return "BYTES" if isinstance(value, str) else "INT64" if isinstance(value, int) else "FP32"


def _latencies(told: Load) -> tuple[str, str]:
    return f"{told.percentile_ms(50):.1f}", f"{told.percentile_ms(99):.1f}"


def _after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


if __name__ == "__main__":
    raise SystemExit(main())
