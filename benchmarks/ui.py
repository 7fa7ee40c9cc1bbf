"""How long pages of a large registry take: `python -m benchmarks.ui`.

5,000 runs, each with a whole config, and 5,000 versions, on SQLite, asked through the whole
application in this process: filter, page and all.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx
from rich.table import Table

from benchmarks.registry import LARGEST
from benchmarks.registry import fill as fill_versions
from benchmarks.report import console
from benchmarks.runs import RUNS
from benchmarks.runs import fill as fill_runs
from taxiway.config.loader import load_config
from taxiway.errors import EXIT_OK
from taxiway.registry.database.session import open_database
from taxiway.ui.app import make_app

TIMES: Final = 5
GOAL_SECONDS: Final = 1.0
PATHS: Final = (
    "/runs",
    "/runs.json",
    "/runs?page=100",
    "/runs?q=wind+gust",
    "/runs?q=metrics.auc+%3E+0.7+and+not+tags.owner+%3D+ann",
    "/runs?q=params.model.hyperparameters.learning_rate+%3C+0.01&sort=-metrics.auc",
    "/runs?sort=-metrics.auc&limit=1000",
    "/runs/latest",
    "/compare?run=latest~1&run=latest",
    "/models",
    "/models?q=wind+gust",
    f"/models/{LARGEST}",
    f"/models/{LARGEST}/1.2.7",
    "/audit",
)


def main() -> int:
    """Fills a registry, asks each page, and prints the table."""
    with tempfile.TemporaryDirectory(prefix="taxiway-ui-") as folder:
        config = load_config((), [f"output.root={folder}"])
        database = open_database(config.registry)
        with database.working() as connection:
            fill_versions(connection)
            fill_runs(connection, Path(folder) / "reports")
        transport = httpx.ASGITransport(make_app(config, database, config.ui.host))
        took = asyncio.run(_asked(transport))
        size = Path(f"{folder}/registry.sqlite").stat().st_size / 1e6
        database.close()
    table = Table(box=None, pad_edge=False)
    table.add_column(f"median and slowest of {TIMES}, seconds", overflow="fold")
    for column in ("median", "slowest", "KB"):
        table.add_column(column, justify="right")
    for path, (seconds, sent) in took.items():
        table.add_row(path, f"{median(seconds):.2f}", f"{max(seconds):.2f}", f"{sent / 1e3:,.0f}")
    console().print(table)
    slowest = max(median(seconds) for seconds, _ in took.values())
    told = "kept" if slowest < GOAL_SECONDS else "missed"
    console().print(
        f"{RUNS:,} runs, {size:.0f} MB; the goal of {GOAL_SECONDS:g} s (medians) is {told}"
    )
    return EXIT_OK


async def _asked(transport: Any) -> dict[str, tuple[list[float], int]]:
    """By path, the seconds of each time and the bytes of an answer; the first time imports."""
    found = {}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for path in PATHS:
            await _timed(client, path)
            timed = [await _timed(client, path) for _ in range(TIMES)]
            found[path] = ([seconds for seconds, _ in timed], timed[0][1])
    return found


async def _timed(client: httpx.AsyncClient, path: str) -> tuple[float, int]:
    started = time.perf_counter()
    answer = await client.get(path)
    answer.raise_for_status()
    return time.perf_counter() - started, len(answer.content)


if __name__ == "__main__":
    raise SystemExit(main())
