"""A decision log in a folder of its own, and what tests ask it for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.config.serving import DecisionLog as Settings
from taxiway.serving.decisions.layout import parts
from taxiway.serving.decisions.log import DecisionLog
from taxiway.serving.decisions.parquet.convert import convert_all
from taxiway.serving.decisions.parquet.files import read_table
from taxiway.serving.decisions.parquet.tables import one_table
from taxiway.serving.decisions.record import Reward
from taxiway.serving.requests.ask import Answer, Ask, Column, Signature

MODEL = "parcels"
SIGNATURE = Signature(
    inputs=(
        Column("city", "string"),
        Column("temp", "float32"),
        Column("seats", "int64"),
        Column("person", "string"),
    ),
    outputs=(Column("probability", "float32"),),
)


def an_ask(request_id: str = "r-1", rows: int = 1, **changes: Any) -> Ask:
    columns = {
        "city": ["Kyiv"] * rows,
        "temp": [20.5] * rows,
        "seats": [3] * rows,
        "person": ["ann"] * rows,
    }
    given: dict[str, Any] = {"model": MODEL, "rows": rows, "columns": columns}
    return Ask(**(given | {"request_id": request_id} | changes))


def an_answer(rows: int = 1, **changes: Any) -> Answer:
    outputs = {"probability": np.full(rows, 0.25, np.float32)}
    return Answer(**({"outputs": outputs, "version": "1.2.7", "number": 3} | changes))


class Folder:
    """The log's folder, and the logs that were opened on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open: list[DecisionLog] = []

    def settings(self, **changes: Any) -> Settings:
        return Settings(**({"root": str(self.root), "key": "person"} | changes))

    def log(self, *, convert: bool = False, buffered: int = 2**20, **changes: Any) -> DecisionLog:
        """A log, closed with the test; Parquet is made when the test says so."""
        made = DecisionLog(self.settings(**changes), convert=convert, buffered_bytes=buffered)
        made.describe(MODEL, SIGNATURE)
        self._open.append(made)
        return made

    def close(self) -> None:
        while self._open:
            self._open.pop().close()

    def converted(self) -> list[dict[str, Any]]:
        """Rows of all decisions after all logs were closed, in order."""
        self.close()
        convert_all(self.root)
        return self.rows()

    def rows(self, below: str = MODEL) -> list[dict[str, Any]]:
        tables = [read_table(path) for path in parts(self.root / below)]
        found = one_table(tables).to_pylist() if tables else []
        return sorted(found, key=lambda row: (row["_taxiway_gateway"], row["_taxiway_sequence"]))

    def content(self) -> bytes:
        """Every byte of every file and name, Parquet files also as they were before they were
        compressed."""
        found = [path for path in self.root.rglob("*") if path.is_file()]
        plain = [str(read_table(one).to_pydict()) for one in found if one.suffix == ".parquet"]
        names = [str(path) for path in self.root.rglob("*")]
        return b"".join([*(one.read_bytes() for one in found), *map(str.encode, plain + names)])


def logged(log: DecisionLog, *asks: Ask, took: float = 0.002, **answer: Any) -> None:
    """Records requests that came so many seconds ago, as the gateway does."""

    async def all_of_them() -> None:
        for ask in asks:
            await log.record(ask, an_answer(ask.rows, **answer), took)

    asyncio.run(all_of_them())


def wait_until(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.01)


def rewarded(log: DecisionLog, *rewards: Reward) -> None:
    async def all_of_them() -> None:
        for reward in rewards:
            await log.record_reward(reward)

    asyncio.run(all_of_them())


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path / "decisions")
    yield made
    made.close()
