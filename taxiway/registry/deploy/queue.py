"""The deploy queue: each push of a version once, taken under a lease, closed when acknowledged.

Of one model in one environment a single deployer is at work, in the order of the queue: two that
publish at once could leave the older version above the newer one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, Row, and_, insert, select, update

from taxiway.errors import TaxiwayError
from taxiway.registry.approval.states import require_approved
from taxiway.registry.auth.actor import Actor, Permission
from taxiway.registry.database.session import Change, Database
from taxiway.registry.database.tables import deploy_queue, now

if TYPE_CHECKING:
    from taxiway.registry.versions.records import ModelVersion

Action = Literal["deploy", "rollback"]
Closed = Literal["done", "superseded", "refused"]
"""How an entry ends: it served, a later one came before it was published, or it may not be."""
_OPEN: Final = ("waiting", "taken")


class LeaseLost(TaxiwayError):  # noqa: N818  # another deployer goes on
    """An entry was taken by another deployer since."""


@dataclass(frozen=True)
class QueueEntry:
    """One entry that a deployer has taken, or may take."""

    id: int
    model: str
    version: str
    pushed_to: str
    """Where this version is; empty in an entry of an older release."""
    takes: int
    """How often it was taken, this time included; above 1 an earlier deployer gave up or died."""
    environment: str = ""
    action: Action = "deploy"
    queued_by: str = ""
    queued_at: str = ""
    reason: str = ""
    """Why it was queued, as whoever did it gave it."""
    state: str = "waiting"
    taken_by: str = ""
    lease_until: float | None = None
    """Seconds since the epoch."""

    @property
    def subject(self) -> str:
        """As the audit and the command line name its version: `flights/1.2.7`."""
        return f"{self.model}/{self.version}"


def queue_version(
    change: Change,
    version: ModelVersion,
    environment: str,
    action: Action = "deploy",
    reason: str = "",
) -> bool:
    """Appends a version, where its newest push put it, within a change.

    A version that is pushed again, as where an earlier model is asked for once more, is a
    deployment of its own; so is one whose entry was refused.

    Returns:
      False where it is what a deployer finds last of its model already, or has found. A rollback
      is asked for by someone who knows what serves: only one that still waits stands for it.

    Raises:
      TaxiwayError: it is archived, or not approved in this environment.
    """
    require_approved(change.connection, version, environment)
    model, pushed_to = version.candidate.model, version.candidate.pushed_to
    state = deploy_queue.c.state
    counts = state.in_(_OPEN) if action == "rollback" else state != "refused"
    newest = _newest(change.connection, model, environment, counts)
    if newest == (version.name, pushed_to):
        return False
    entry = {"pushed_to": pushed_to, "environment": environment, "action": action}
    about = {"queued_by": change.actor.name, "queued_at": now(), "reason": reason}
    change.connection.execute(
        insert(deploy_queue).values(model=model, version=version.name, **entry, **about)
    )
    change.record("deploy.queued", version.subject, None, entry, reason)
    return True


def open_entries(connection: Connection, model: str, environment: str) -> list[QueueEntry]:
    """Those that are not closed yet, oldest first."""
    is_open = and_(of_model(model, environment), deploy_queue.c.state.in_(_OPEN))
    query = select(deploy_queue).where(is_open).order_by(deploy_queue.c.id)
    return [_entry(row) for row in connection.execute(query)]


def of_model(model: str, environment: str) -> ColumnElement[bool]:
    """The entries of a model in an environment."""
    return and_(deploy_queue.c.model == model, deploy_queue.c.environment == environment)


class DeployQueue:
    """A durable queue in the registry's database, safe for many processes.

    Args:
      database: the registry.
      environment: whose entries these are; None means that of the config.
      clock: seconds since the epoch; tests bring their own.
    """

    def __init__(
        self,
        database: Database,
        environment: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        settings = database.settings
        self._database = database
        self._environment = settings.environment if environment is None else environment
        self._lease = settings.lease_seconds
        self._clock = clock

    def put(self, version: ModelVersion, actor: Actor) -> bool:
        """Appends a version in a change of its own; see `queue_version`."""
        with self._database.changing(actor, Permission.REGISTER) as change:
            return queue_version(change, version, self._environment)

    def is_newest(self, model: str, version: str, pushed_to: str) -> bool:
        """Whether a push is what a deployer finds last of a model, or has found."""
        with self._database.reading() as connection:
            return _newest(connection, model, self._environment) == (version, pushed_to)

    def waiting(self, model: str) -> list[QueueEntry]:
        """A model's entries that are not closed yet, oldest first."""
        with self._database.reading() as connection:
            return open_entries(connection, model, self._environment)

    def take(self, model: str, deployer: str) -> QueueEntry | None:
        """The oldest open entry of a model; None where there is none, or another holds it.

        Args:
          deployer: who holds it from now on, for `registry.lease_seconds`.
        """
        if not self._takeable(self.waiting(model)):  # who watches an empty queue locks nothing
            return None
        with self._database.working() as connection:
            entries = open_entries(connection, model, self._environment)
            if not self._takeable(entries):
                return None
            values: dict[str, Any] = {"state": "taken", "taken_by": deployer}
            values |= {"lease_until": self._clock() + self._lease, "takes": entries[0].takes + 1}
            which = deploy_queue.c.id == entries[0].id
            connection.execute(update(deploy_queue).where(which).values(values))
            return _entry(connection.execute(select(deploy_queue).where(which)).one())

    def renew(self, entry: QueueEntry) -> None:
        """Holds an entry for another `registry.lease_seconds` from now.

        Raises:
          LeaseLost: another deployer has taken it since.
        """
        with self._database.working() as connection:
            _set(connection, entry, lease_until=self._clock() + self._lease)

    def give_back(self, entry: QueueEntry) -> None:
        """Lets the next deployer take an entry at once.

        Raises:
          LeaseLost: another deployer has taken it since.
        """
        with self._database.working() as connection:
            _set(connection, entry, state="waiting", lease_until=None)

    def _takeable(self, entries: list[QueueEntry]) -> bool:
        """Whether the oldest of those that are open is held by nobody, or no longer."""
        if not entries:
            return False
        oldest = entries[0]
        return oldest.state == "waiting" or (oldest.lease_until or 0.0) <= self._clock()


def close(connection: Connection, entry: QueueEntry, state: Closed) -> None:
    """Ends an entry that is held.

    Raises:
      LeaseLost: another deployer has taken it since.
    """
    _set(connection, entry, state=state)


def _newest(
    connection: Connection, model: str, environment: str, *counts: ColumnElement[bool]
) -> tuple[str, str] | None:
    """Version and place of a model's newest entry, of those that count."""
    row = connection.execute(
        select(deploy_queue.c.version, deploy_queue.c.pushed_to)
        .where(of_model(model, environment), *counts)
        .order_by(deploy_queue.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.version, row.pushed_to)


def _set(connection: Connection, entry: QueueEntry, **values: Any) -> None:
    queue = deploy_queue.c
    held = and_(
        queue.id == entry.id,
        queue.state == "taken",
        queue.taken_by == entry.taken_by,
        queue.takes == entry.takes,
    )
    if connection.execute(select(queue.id).where(held)).one_or_none() is None:
        raise LeaseLost(
            f"{entry.subject} is no longer held by '{entry.taken_by}': its lease ran out and it "
            "was taken again",
            edit="registry.lease_seconds",
        )
    connection.execute(update(deploy_queue).where(held).values(values))


def _entry(row: Row[Any]) -> QueueEntry:
    return QueueEntry(
        id=row.id,
        model=row.model,
        version=row.version,
        pushed_to=row.pushed_to,
        takes=row.takes,
        environment=row.environment,
        action=row.action,
        queued_by=row.queued_by,
        queued_at=row.queued_at,
        reason=row.reason,
        state=row.state,
        taken_by=row.taken_by,
        lease_until=row.lease_until,
    )
