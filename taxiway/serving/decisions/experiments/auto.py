"""Acts on experiments that say `auto: true`: a look at each, and what it recommends is done."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taxiway.delivery.experiment import records
from taxiway.delivery.experiment.act import act
from taxiway.delivery.experiment.records import ExperimentRecord
from taxiway.errors import TaxiwayError
from taxiway.registry.auth.actor import Actor, Permission
from taxiway.serving.decisions.experiments.look import look
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.registry.database.session import Database

_LOG = logging.getLogger("taxiway.experiments")


@dataclass(frozen=True)
class Acted:
    """What was done about an experiment.

    Args:
      experiment: as the audit names it.
      action: that was recommended.
      serves: the version that has all traffic since; empty where it goes on.
      trouble: why it could not be done, or not be looked at; empty where it was.
    """

    experiment: str
    action: str
    serves: str = ""
    trouble: str = ""


def act_on_all(
    database: Database, actor: Actor, environment: str, root: Path, window_hours: float
) -> list[Acted]:
    """Looks at each experiment of an environment that says so, and does what it recommends.

    Args:
      database: the registry.
      actor: in whose name traffic is moved.
      environment: of the routes.
      root: of the log.
      window_hours: `serving.log.reward_window_hours`.
    """
    with database.reading() as connection:
        found = [one for one in records.running(connection, environment) if one.design.auto]
    return [_acted(database, actor, one, root, window_hours) for one in found]


def _acted(
    database: Database, actor: Actor, record: ExperimentRecord, root: Path, window_hours: float
) -> Acted:
    try:
        seen = look(database, root, record, window_hours)
        recommended, outcome = seen.recommended, seen.to_json()
        serves = ""
        if recommended.action in ("ship", "keep_control"):
            serves = _done(database, actor, record.id, recommended, outcome)
    except TaxiwayError as error:
        _LOG.error("%s: %s", one_line(record.subject), one_line(error.message))
        return Acted(record.subject, "", trouble=error.message)
    if serves:
        _LOG.info("%s: %s, %s", one_line(record.subject), recommended.action, recommended.reason)
    return Acted(record.subject, recommended.action, serves)


def _done(
    database: Database, actor: Actor, experiment: int, recommended: Any, outcome: dict[str, Any]
) -> str:
    """The version that has all traffic since; empty where someone else has ended it meanwhile."""
    with database.changing(actor, Permission.DEPLOY) as change:
        record = records.by_id(change.connection, experiment)
        if record is None or record.phase != records.RUNNING:
            return ""
        move = act(change, record, recommended, outcome)
    return "" if move is None else move.after.stable.version
