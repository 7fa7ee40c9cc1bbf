"""A gateway as a process of its own, whose versions answer in it as their content says.

`gateway_program.py SETTINGS` with a JSON list of config assignments; it prints `listening PORT
ADMIN ID` and then `ready`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.modeling.names import COLUMNS
from taxiway.registry.auth.actor import Actor, Role
from taxiway.registry.database.session import Database
from taxiway.serving.fleet.served_version import ServedVersion
from taxiway.serving.gateway import process
from taxiway.serving.gateway.gateway import Gateway
from taxiway.serving.requests.ask import Arrays, Column, Signature
from taxiway.serving.worker.errors import WorkerError
from tests.conftest import TINY

SIGNATURE = Signature((Column("weight", "float32"),), (Column("value", "float32"),))
FAILS_FROM = 1_000.0
"""Weights from which on a version that fails does so: those that it is warmed up with are less."""


class Obedient:
    """Answers with a number, such as `1`; of `1 errors` and `1 nan`, each third request fails."""

    pid = None
    memory_bytes = None
    lost = ""

    def __init__(self, content: str) -> None:
        number, _, self.fault = content.partition(" ")
        self.number = float(number)
        self.signatures = {COLUMNS: SIGNATURE}
        self.asked = 0

    async def predict_columns(
        self, columns: Mapping[str, Sequence[Any]], deadline: float
    ) -> Arrays:
        """Answers."""
        await asyncio.sleep(0)
        weights = columns["weight"]
        values = np.full([len(weights)], self.number, np.float32)
        if self.fault and any(one is not None and one >= FAILS_FROM for one in weights):
            self.asked += 1
            if self.asked % 3 == 0:
                if self.fault == "errors":
                    raise WorkerError("told to fail", reason="model_error")
                values[0] = float("nan")
        return {"value": values}

    async def predict_examples(self, examples: Sequence[bytes], deadline: float) -> Arrays:
        """Is not asked."""
        raise NotImplementedError

    async def close(self) -> None:
        """Has nothing to end."""


async def load(served: ServedVersion, _: Config) -> Obedient:
    """In place of a worker."""
    return Obedient((Path(served.place) / "variables" / "variables.index").read_text())


def told(*words: object) -> None:
    """A line for the test."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main(assignments: list[str]) -> None:
    """Serves until SIGTERM."""
    config = load_config([TINY], assignments)
    database = Database(config.registry)
    process.Gateway = partial(Gateway, load=load)  # type: ignore[misc, assignment]

    def listening(gateway: Gateway) -> None:
        assert gateway.http is not None
        assert gateway.admin is not None
        ports = (gateway.http.port, gateway.admin.port)
        told("listening", *ports, gateway.fleet.gateway.id)

    process.run(
        config,
        database,
        Actor("gateway", "system", Role.ADMIN),
        listening=listening,
        ready=lambda _: told("ready"),
        stopped=lambda _: told("stopped"),
    )
    database.close()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
