"""Does what is recommended, where an experiment says `auto: true`."""

from __future__ import annotations

from typing import Any

from taxiway.delivery.experiment.judging.recommend import Recommendation
from taxiway.delivery.experiment.moves import stop
from taxiway.delivery.experiment.records import ExperimentRecord
from taxiway.registry.catalog.references import find
from taxiway.registry.database.session import Change
from taxiway.registry.routes.moves import Move


def act(
    change: Change,
    record: ExperimentRecord,
    recommendation: Recommendation,
    outcome: dict[str, Any],
) -> Move | None:
    """Ends an experiment whose recommendation is to ship or to keep the control.

    Args:
      record: as it is in this change.
      recommendation: of `decide`.
      outcome: what was found, as plain values.

    Returns:
      The move; None where nothing is to be done.

    Raises:
      NotApproved: the version may not serve there; the experiment goes on.
    """
    if not record.design.auto or recommendation.action not in ("ship", "keep_control"):
        return None
    winner = find(change.connection, recommendation.version, record.model)
    return stop(change, record, outcome, winner, f"auto: {recommendation.reason}")
