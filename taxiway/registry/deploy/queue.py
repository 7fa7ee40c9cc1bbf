"""The deploy queue: each push of a version once, taken under a lease, gone when acknowledged."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from taxiway.errors import TaxiwayError
from taxiway.registry.auth.actor import Actor, Permission
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import deploy_queue, now


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
    environment: str = ""


class DeployQueue:
    """A durable queue in the registry's database, safe for many processes.

    Args:
      database: the registry.
      clock: seconds since the epoch; tests bring their own.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._lease = database.settings.lease_seconds
        self._clock = clock

    def put(self, model: str, version: str, pushed_to: str, actor: Actor) -> bool:
        """Appends a push of a version; False where it is the model's newest entry already.

        A version that is pushed again, as where an earlier model is asked for once more, is a
        deployment of its own.
        """
        with self._database.changing(actor, Permission.REGISTER) as change:
            if _newest(change.connection, model) == (version, pushed_to):
                return False
            entry = {"model": model, "version": version, "pushed_to": pushed_to}
            about = {"queued_by": actor.name, "queued_at": now()}
            change.connection.execute(insert(deploy_queue).values(**entry, **about))
            change.record("deploy.queued", f"{model}/{version}", None, entry)
            return True

    def is_newest(self, model: str, version: str, pushed_to: str) -> bool:
        """Whether a push is what a deployer finds last of a model, or has found."""
        with self._database.reading() as connection:
            return _newest(connection, model) == (version, pushed_to)

    def take(self, deployer: str) -> Deployment | None:
        """The oldest entry that is waiting or whose lease ran out; None where there is none."""
        now, queue = self._clock(), deploy_queue.c
        lapsed = and_(queue.state == "taken", queue.lease_until <= now)
        with self._database.working() as connection:
            row = connection.execute(
                select(deploy_queue)
                .where(or_(queue.state == "waiting", lapsed))
                .order_by(queue.id)
                .limit(1)
            ).one_or_none()
            if row is None:
                return None
            values: dict[str, Any] = {"state": "taken", "taken_by": deployer}
            values |= {"lease_until": now + self._lease, "takes": row.takes + 1}
            connection.execute(update(deploy_queue).where(queue.id == row.id).values(values))
            return Deployment(
                row.id, row.model, row.version, row.pushed_to, row.takes + 1, row.environment
            )

    def acknowledge(self, deployment: Deployment, deployer: str) -> None:
        """Says that a version is deployed.

        Raises:
          TaxiwayError: the lease ran out and another deployer has taken it since.
        """
        queue = deploy_queue.c
        held = and_(
            queue.id == deployment.id,
            queue.state == "taken",
            queue.taken_by == deployer,
            queue.takes == deployment.takes,
        )
        with self._database.working() as connection:
            done = connection.execute(update(deploy_queue).where(held).values(state="done"))
            if done.rowcount != 1:
                raise TaxiwayError(
                    f"{deployment.model} {deployment.version} is no longer held by '{deployer}': "
                    "its lease ran out and it was taken again",
                    edit="registry.lease_seconds",
                )

    def waiting(self) -> int:
        """How many entries are not acknowledged yet."""
        with self._database.reading() as connection:
            query = select(func.count()).where(deploy_queue.c.state.in_(("waiting", "taken")))
            return int(connection.execute(query).scalar_one())


def _newest(connection: Connection, model: str) -> tuple[str, str] | None:
    """Version and place of a model's newest entry."""
    row = connection.execute(
        select(deploy_queue.c.version, deploy_queue.c.pushed_to)
        .where(deploy_queue.c.model == model)
        .order_by(deploy_queue.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.version, row.pushed_to)
