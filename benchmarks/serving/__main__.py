"""`make bench-serving`: requests a second, and what users notice of accidents. Loopback only.

All on the model that `make run-local` has pushed, in one run on one machine, clients included. The
client is wrk where it is installed, since one in Python takes most of two cores; of gRPC it is
Python's.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import uvloop
from rich.table import Table

from benchmarks.report import console
from benchmarks.serving.accidents import (
    CANARY,
    INFER,
    Accident,
    accidents,
    infer_body,
    killed_in_a_canary,
)
from benchmarks.serving.clients.grpc import ask_by_grpc
from benchmarks.serving.clients.http import ask
from benchmarks.serving.clients.told import CLIENTS, Load
from benchmarks.serving.clients.wrk import Timed, ask_by_wrk, is_installed
from benchmarks.serving.site import NAME, Server, Site, rows
from taxiway.errors import EXIT_OK, TaxiwayError

PREDICT: Final = f"/v1/models/{NAME}:predict"
_WARM: Final = 0.3
"""Of the seconds of a measurement, before it."""


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
    with tempfile.TemporaryDirectory(prefix="taxiway-bench-") as folder:
        site = Site(Path(folder) / "one", models[-1], row)
        console().print(f"{CLIENTS} clients, one row each, {given.seconds:g} s")
        console().print(_speeds(compared(site, row, given.seconds)))
        strategy = f"delivery.strategy={json.dumps(CANARY)}"
        another = Site(Path(folder) / "another", models[-1], row, settings=[strategy])
        found = accidents(site, row, given.seconds)
        found.append(killed_in_a_canary(another, row, given.seconds))
        console().print(_table(found))
    return EXIT_OK


def compared(site: Site, row: dict[str, Any], seconds: float) -> Iterator[tuple[str, str, Timed]]:
    """The same clients and row on each server, one server at a time: what, by which client."""
    predict, infer = json.dumps({"instances": [row]}).encode(), infer_body(row)
    http = "wrk" if is_installed() else "asyncio"
    rest: tuple[tuple[str, Callable[[], AbstractContextManager[Server]], str, bytes], ...] = (
        ("gateway, TensorFlow Serving's REST", site.gateway, PREDICT, predict),
        ("gateway, Open Inference Protocol's REST", site.gateway, INFER, infer),
        ("plain FastAPI, the model in its process", site.plain, "/predict", predict),
        ("MLServer", site.mlserver, INFER, infer),
        ("MLServer, its adaptive batching on", lambda: site.mlserver(CLIENTS), INFER, infer),
    )
    for name, server, path, body in rest:
        with server() as at:
            uvloop.run(ask([at.port], path, body, _after(seconds * _WARM)))
            if is_installed():
                yield name, http, ask_by_wrk(at.port, path, body, seconds, site.root)
            else:
                yield name, http, _timed(uvloop.run(ask([at.port], path, body, _after(seconds))))
    with site.gateway() as gateway:
        for length in (seconds * _WARM, seconds):
            told = uvloop.run(ask_by_grpc(gateway.grpc_port, NAME, row, _after(length)))
        yield "gateway, TensorFlow Serving's gRPC", "grpc.aio", _timed(told)


def _speeds(found: Iterator[tuple[str, str, Timed]]) -> Table:
    table = Table("server", "client", "requests/s", "p50, ms", "p99, ms", "failed", box=None)
    for name, client, timed in found:
        speed = f"{timed.per_second:,.0f}"
        latencies = (f"{timed.p50_ms:.1f}", f"{timed.p99_ms:.1f}")
        table.add_row(name, client, speed, *latencies, str(timed.failed))
    return table


def _table(found: list[Accident]) -> Table:
    table = Table(
        "under load", "requests", "failed", "p99, ms", "command to last of the old, s", box=None
    )
    for one in found:
        late = "" if one.last_of_old is None else f"{one.last_of_old:.2f}"
        counts = (f"{len(one.told.answers):,}", str(len(one.told.failed)))
        table.add_row(one.name, *counts, f"{one.told.percentile_ms(99):.1f}", late)
        for what in sorted(set(one.told.failed))[:3]:
            console().print(f"  {one.name}: {what}")
    return table


def _timed(told: Load) -> Timed:
    latencies = (told.percentile_ms(50), told.percentile_ms(99))
    return Timed(told.per_second, *latencies, len(told.failed))


def _after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


if __name__ == "__main__":
    raise SystemExit(main())
