"""The deploy queue: each push of a version once, taken under a lease, gone when acknowledged."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from taxiway.errors import TaxiwayError
from taxiway.registry.database import transaction


@dataclass(frozen=True)
class Deployment:
    """One entry a deployer has taken, or may take."""

    id: int
    model: str
    version: str
    pushed_to: str
    """Where this version is; empty in an entry of an older release."""
    takes: int
    """How often it was taken, this time included; above 1 an earlier deployer gave up or died."""


class DeployQueue:
    """A durable queue in the registry's database, safe for many processes.

    Args:
      path: the registry's SQLite file.
      lease_seconds: how long a taken entry is held before another deployer may take it.
      clock: seconds since the epoch; tests bring their own.
    """

    def __init__(
        self,
        path: str | Path,
        lease_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._lease = lease_seconds
        self._clock = clock

    def put(self, model: str, version: str, pushed_to: str) -> bool:
        """Appends a push of a version; False where it is the model's newest entry already.

        A version that is pushed again, as where an earlier model is asked for once more, is a
        deployment of its own.
        """
        with transaction(self._path) as connection:
            if _newest(connection, model) == (version, pushed_to):
                return False
            connection.execute(
                "INSERT INTO deploy_queue (model, version, pushed_to) VALUES (?, ?, ?)",
                (model, version, pushed_to),
            )
            return True

    def is_newest(self, model: str, version: str, pushed_to: str) -> bool:
        """Whether a push is what a deployer finds last of a model, or has found."""
        with transaction(self._path) as connection:
            return _newest(connection, model) == (version, pushed_to)

    def take(self, deployer: str) -> Deployment | None:
        """The oldest entry that is waiting or whose lease ran out; None where there is none."""
        now = self._clock()
        with transaction(self._path) as connection:
            row = connection.execute(
                "SELECT * FROM deploy_queue WHERE state = 'waiting'"
                " OR (state = 'taken' AND lease_until <= ?) ORDER BY id LIMIT 1",
                (now,),
            ).fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE deploy_queue SET state = 'taken', taken_by = ?, lease_until = ?,"
                " takes = takes + 1 WHERE id = ?",
                (deployer, now + self._lease, row["id"]),
            )
            return Deployment(
                row["id"], row["model"], row["version"], row["pushed_to"], row["takes"] + 1
            )

    def acknowledge(self, deployment: Deployment, deployer: str) -> None:
        """Says that a version is deployed.

        Raises:
          TaxiwayError: the lease ran out and another deployer has taken it since.
        """
        with transaction(self._path) as connection:
            done = connection.execute(
                "UPDATE deploy_queue SET state = 'done'"
                " WHERE id = ? AND state = 'taken' AND taken_by = ? AND takes = ?",
                (deployment.id, deployer, deployment.takes),
            )
            if done.rowcount != 1:
                raise TaxiwayError(
                    f"{deployment.model} {deployment.version} is no longer held by '{deployer}': "
                    "its lease ran out and it was taken again",
                    edit="registry.lease_seconds",
                )

    def waiting(self) -> int:
        """How many entries are not acknowledged yet."""
        with transaction(self._path) as connection:
            row = connection.execute("SELECT count(*) FROM deploy_queue WHERE state != 'done'")
            return int(row.fetchone()[0])


def _newest(connection: sqlite3.Connection, model: str) -> tuple[str, str] | None:
    """Version and place of a model's newest entry."""
    row = connection.execute(
        "SELECT version, pushed_to FROM deploy_queue WHERE model = ? ORDER BY id DESC LIMIT 1",
        (model,),
    ).fetchone()
    return None if row is None else (row["version"], row["pushed_to"])
