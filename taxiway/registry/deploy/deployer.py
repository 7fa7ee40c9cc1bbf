"""The deployer: publishes what is queued to where a server takes it from, and acknowledges.

A model is published under a number above all others, once, whichever deployer dies in between: the
next one finds what is there already, and only what is acknowledged has served. An entry that may
not serve any more, or that cannot be had, is refused and told to the audit, and the next one comes.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.push import Push
from taxiway.push.folder import FilesystemPush
from taxiway.registry.approval.recorded import check_policy, record_policy
from taxiway.registry.approval.states import require_approved
from taxiway.registry.auth.actor import Actor, Permission, require
from taxiway.registry.catalog.references import find
from taxiway.registry.database.session import Change, Database
from taxiway.registry.deploy.history import acknowledge, serving
from taxiway.registry.deploy.lease import held
from taxiway.registry.deploy.queue import (
    Closed,
    DeployQueue,
    LeaseLost,
    QueueEntry,
    close,
)
from taxiway.registry.deploy.source import check, first_whole, places
from taxiway.registry.versions.records import ModelVersion


class _Refused(TaxiwayError):  # noqa: N818  # the entry's fault, not the deployer's
    """An entry that is not published, now or later."""


@dataclass(frozen=True)
class Outcome:
    """What became of an entry."""

    entry: QueueEntry
    state: Closed
    place: str = ""
    """Where the version serves; empty where it does not."""
    copied: bool = False
    """Whether this deployer put it there; else it was there already."""
    reason: str = ""
    """Why it does not serve; empty where it does."""
    staged: bool = False
    """Whether it is there without traffic, which others give it by and by."""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "version": self.entry.subject,
            "environment": self.entry.environment,
            "action": self.entry.action,
            "queued_by": self.entry.queued_by,
            "state": self.state,
            "place": self.place,
            "copied": self.copied,
            "reason": self.reason,
        }


HandOver = Callable[[Change, QueueEntry, ModelVersion, str], bool]
"""Takes an entry's version at its place over, in the change that closes the entry, to give it
traffic by and by; False where it is to have all of it at once."""


def _admitted(version: ModelVersion, place: str) -> None:
    """Admits any."""


class Deployer:
    """Works through the queue of the config's environment.

    Args:
      database: the registry.
      push: where a server takes its models from.
      actor: who deploys.
      clock: seconds since the epoch; tests bring their own.
      admit: called with a version and its place when it is published and has no traffic yet, for as
        long as a server takes to load it; what it raises is why the entry is refused.
      hand_over: see `HandOver`; None where all gets all traffic at once.
    """

    def __init__(
        self,
        database: Database,
        push: Push,
        actor: Actor,
        clock: Callable[[], float] = time.time,
        admit: Callable[[ModelVersion, str], None] = _admitted,
        hand_over: HandOver | None = None,
    ) -> None:
        self.queue = DeployQueue(database, clock=clock)
        self._database = database
        self._push = push
        self._actor = actor
        self._admit = admit
        self._hand_over = hand_over
        self._environment = database.settings.environment
        self._name = f"{socket.gethostname()}:{os.getpid()}"

    def deploy(self, model: str) -> Iterator[Outcome]:
        """Publishes what is queued of a model, oldest first, until nothing can be taken.

        Raises:
          NotAllowed: the actor may not deploy.
          ConfigError: the config's approval policy, or its destination, is not as on record.
          TaxiwayError: the destination cannot be written; the entry waits for the next try.
        """
        with self._database.reading() as connection:
            require(self._actor, Permission.DEPLOY, connection)
            check_policy(connection, model, self._database.settings)
        while (entry := self.queue.take(model, self._name)) is not None:
            with held(self.queue, entry, self._database.settings.lease_seconds):
                outcome = self._deploy(entry)
            yield outcome

    def _deploy(self, entry: QueueEntry) -> Outcome:
        with self._database.changing(self._actor, Permission.DEPLOY) as change:
            record_policy(change, entry.model, self._database.settings)  # which guards the place
        try:
            version = self._deployable(entry)
            if self._was_placed(entry, version):
                return self._serve(entry, version, entry.pushed_to, copied=False)
            source = self._source(entry, version)
            later = self._later(entry)
            if later is not None:
                return self._closed(entry, "superseded", f"{later.subject} was queued after it")
            return self._publish(entry, version, source)
        except _Refused as refused:
            return self._closed(entry, "refused", refused.message)

    def _deployable(self, entry: QueueEntry) -> ModelVersion:
        """The entry's version, which may serve."""
        with self._database.reading() as connection:
            try:
                version = find(connection, entry.subject)
                require_approved(connection, version, self._environment)
            except TaxiwayError as error:
                raise _Refused(error.message) from error
        return version

    def _source(self, entry: QueueEntry, version: ModelVersion) -> str:
        """Where the version is whole."""
        with self._database.reading() as connection:
            known = places(connection, version, first=entry.pushed_to)
        try:
            return first_whole(version, known, partial(self._unusable, version))
        except ConfigError:  # a key that this deployer has not got
            raise
        except TaxiwayError as error:
            raise _Refused(error.message) from error

    def _unusable(self, version: ModelVersion, place: str) -> str:
        if "://" in place and isinstance(self._push, FilesystemPush):
            return f"{place} is in a bucket, and push.kind 'filesystem' copies from folders"
        signing, signature = self._database.settings.signing, version.candidate.signature
        if signing.signs and not signature:
            return f"{version.subject} is not signed, and registry.signing asks for it"
        if signing.signs and "://" not in place:
            check(version, place)
            signing.verify(Path(place), signature)
        return ""

    def _later(self, entry: QueueEntry) -> QueueEntry | None:
        """The newest entry that would be published after this one; None where there is none."""
        for later in reversed(self.queue.waiting(entry.model)):
            if later.id <= entry.id:
                break
            with suppress(_Refused):
                self._source(later, self._deployable(later))
                return later
        return None

    def _was_placed(self, entry: QueueEntry, version: ModelVersion) -> bool:
        """Whether the Pusher put it where it serves, above what served until then.

        So it is where no policy wants an approval first. That the Pusher has put a newer one there
        since is no reason to publish this one above it: the newer one has an entry of its own.
        """
        number = self._number(entry.pushed_to)
        if entry.action != "deploy" or number is None:
            return False
        with self._database.reading() as connection:
            current = serving(connection, entry.model, self._environment)
        if current is not None and number <= (self._number(current.place) or 0):
            return False
        with suppress(_Refused):
            return self._source(entry, version) == entry.pushed_to
        return False

    def _number(self, place: str) -> int | None:
        """Of a version at the destination; None where a place is elsewhere."""
        parent, _, name = place.rpartition("/")
        inside = parent == self._push.destination.rstrip("/")
        return int(name) if inside and name.isascii() and name.isdigit() else None

    def _publish(self, entry: QueueEntry, version: ModelVersion, source: str) -> Outcome:
        copied = False

        def confirm() -> None:
            nonlocal copied
            self.queue.renew(entry)
            self._deployable(entry)
            copied = True

        pushed = self._push.push(source, confirm)
        check(version, pushed.place)
        try:
            return self._serve(entry, version, pushed.place, copied=copied)
        except _Refused:
            if copied:  # or another server, which takes the highest number, would serve it
                self._push.withdraw(pushed.place)
            raise

    def _serve(
        self, entry: QueueEntry, version: ModelVersion, place: str, *, copied: bool
    ) -> Outcome:
        """Has a published version admitted, and gives it all traffic, or hands it over."""
        try:
            self._admit(version, place)
        except LeaseLost:
            raise
        except TaxiwayError as error:
            raise _Refused(error.message) from error
        return self._served(entry, version, place, copied=copied)

    def _served(
        self, entry: QueueEntry, version: ModelVersion, place: str, *, copied: bool
    ) -> Outcome:
        with self._database.changing(self._actor, Permission.DEPLOY) as change:
            try:  # again: loading it may have taken minutes
                require_approved(change.connection, version, self._environment)
            except TaxiwayError as error:
                raise _Refused(error.message) from error
            over = self._hand_over
            staged = over is not None and over(change, entry, version, place)
            if not staged:
                acknowledge(change, entry, place)
        return Outcome(entry, "done", place, copied, staged=staged)

    def _closed(self, entry: QueueEntry, state: Closed, reason: str) -> Outcome:
        with self._database.changing(self._actor, Permission.DEPLOY) as change:
            close(change.connection, entry, state)
            change.record(f"deploy.{state}", entry.subject, None, None, reason)
        return Outcome(entry, state, reason=reason)
