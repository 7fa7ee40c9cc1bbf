"""A look at an experiment: its log and its measurements in, what is found and recommended out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from taxiway.delivery.evidence.records import read_measurements, summed
from taxiway.delivery.experiment.judging.findings import Findings, judge
from taxiway.delivery.experiment.judging.recommend import Recommendation, decide
from taxiway.delivery.experiment.judging.report import report
from taxiway.delivery.experiment.phases import latest
from taxiway.delivery.experiment.records import ExperimentRecord
from taxiway.delivery.experiment_section import OF_EVERY_REQUEST
from taxiway.errors import TaxiwayError
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import TIME_FORMAT
from taxiway.serving.decisions.experiments.read import read_requests

_DAY: Final = 86_400.0


@dataclass(frozen=True)
class Look:
    """What was seen, and what is to be done."""

    found: Findings
    recommended: Recommendation

    def to_json(self) -> dict[str, Any]:
        """As plain values; see `judging.report`."""
        return report(self.found, self.recommended)


def look(
    database: Database,
    root: Path,
    record: ExperimentRecord,
    window_hours: float,
    now: float | None = None,
) -> Look:
    """Looks at a running experiment; it may be looked at as often as one likes.

    Args:
      database: the registry.
      root: of the log, to which all gateways write.
      record: the experiment.
      window_hours: `serving.log.reward_window_hours`.
      now: seconds since 1970; of this moment where it is not given.

    Raises:
      TaxiwayError: its route is gone.
    """
    design = record.design
    with database.reading() as connection:
        phase = latest(connection, record)
        if phase is None:
            raise TaxiwayError(f"the route of the experiment {record.name} is not there any more")
        first = phase.revisions[0]
        measurements = read_measurements(connection, record.model, record.environment, first)
    own = [one for one in measurements if one.of.revision in phase.revisions]
    metrics = (design.primary_metric, *design.secondary_metrics, *design.guardrails)
    requests = read_requests(
        root,
        record.model,
        phase,
        {one.name for one in metrics} - {*OF_EVERY_REQUEST},
        design.covariate,
        not design.learns,
        window_hours,
    )
    since = datetime.strptime(phase.since, TIME_FORMAT).replace(tzinfo=timezone.utc)
    days = ((time.time() if now is None else now) - since.timestamp()) / _DAY
    measured = {version: summed(own, version) for version in record.versions}
    found = judge(design, phase, requests, measured, record.planned_per_arm, max(days, 0.0))
    return Look(found, decide(found))
