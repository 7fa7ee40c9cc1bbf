"""Back to what served before: queues it, so that the next deployer publishes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from taxiway.errors import TaxiwayError
from taxiway.registry.catalog.references import find
from taxiway.registry.database.session import Change
from taxiway.registry.deploy.history import Deployment, has_served, served_before, serving
from taxiway.registry.deploy.queue import queue_version
from taxiway.registry.versions.records import ModelVersion


@dataclass(frozen=True)
class Rollback:
    """What was queued, and in whose place."""

    version: ModelVersion
    instead_of: Deployment
    queued: bool
    """False where it was queued already and waits."""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "version": self.version.subject,
            "instead_of": self.instead_of.subject,
            "environment": self.instead_of.environment,
            "queued": self.queued,
        }


def rollback(
    change: Change, model: str, environment: str, to: ModelVersion | None = None, reason: str = ""
) -> Rollback:
    """Queues the version that served before the one that serves now.

    After a rollback that is the one that was rolled back from.

    Args:
      to: another version that has served in this environment.

    Raises:
      TaxiwayError: none has served before, or the version may not serve any more.
    """
    connection = change.connection
    place = f" in {environment}" if environment else ""
    current = serving(connection, model, environment)
    if current is None:
        raise TaxiwayError(
            f"no deployment of {model}{place} has been acknowledged, so there is none to go back "
            "from or to",
            edit="`taxiway deploy`, which acknowledges what waits",
        )
    if to is None:
        before = served_before(connection, current)
        if before is None:
            raise TaxiwayError(
                f"{current.subject} serves{place}, and no other version of {model} has served "
                "there before"
            )
        to = find(connection, before.subject)
    elif to.candidate.model != model:
        raise TaxiwayError(f"{to.subject} is not a version of {model}", edit="--to")
    elif to.name == current.version:
        raise TaxiwayError(f"{to.subject} is what serves{place} now", edit="--to")
    elif not has_served(connection, model, to.name, environment):
        raise TaxiwayError(
            f"{to.subject} has never served{place}, so it is nothing to go back to",
            edit=f"--to; `taxiway models history {model}` says what has served",
        )
    queued = queue_version(change, to, environment, "rollback", reason)
    return Rollback(to, current, queued)
