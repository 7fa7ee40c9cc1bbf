"""The deploy queue: each model version once, taken under a lease, gone only when acknowledged."""

from __future__ import annotations

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

    def put(self, model: str, version: str) -> bool:
        """Appends a version; False where it is in the queue, or went through it, already."""
        with transaction(self._path) as connection:
            added = connection.execute(
                "INSERT OR IGNORE INTO deploy_queue (model, version) VALUES (?, ?)",
                (model, version),
            )
            return added.rowcount == 1

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
            return Deployment(row["id"], row["model"], row["version"], row["takes"] + 1)

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
