"""What the log says of a version before an experiment: its metric, and the traffic."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxiway.delivery.experiment.judging.planning import Before
from taxiway.delivery.experiment.judging.requests import Requests, sums_by_arm
from taxiway.delivery.experiment_section import OF_EVERY_REQUEST, Experiment
from taxiway.delivery.statistics.design.cuped import CovariateSums, variance_left
from taxiway.serving.decisions.experiments import read
from taxiway.serving.decisions.layout import DAY_US, span_of
from taxiway.serving.decisions.parquet.tables import (
    FALLBACK,
    KEY,
    LATENCY,
    PROPENSITY,
    REQUEST_ID,
    TIME,
    VERSION,
)
from taxiway.serving.decisions.parquet.unconverted import read_all
from taxiway.serving.decisions.rewards.matching import Numbers

DAYS: Final = 28
"""That are looked at: four whole weeks."""


def before(root: Path, model: str, design: Experiment, version: str, window_hours: float) -> Before:
    """What is known of the control from the last four weeks of the log.

    Args:
      root: of the log.
      model: name.
      design: whose primary metric and covariate are looked at.
      version: the control's name in the registry.
      window_hours: `serving.log.reward_window_hours`.
    """
    metric, covariate = design.primary_metric, design.covariate
    since = int(time.time() * 1e6) - DAYS * DAY_US
    columns = [*read.READ, VERSION, *([covariate] if covariate else [])]
    table, rewarded = read_all(root, model, span_of(since), columns)
    if table is None:
        return Before()
    times = table.column(TIME).cast(pa.int64()).to_numpy()
    first, _ = read.first_rows(table, times)
    drawn = read.not_by_hand(table)
    table, times = table.filter(pa.array(first & drawn)), times[first & drawn]
    traffic = _traffic(table, times, by_user=not design.learns)
    is_own = read.truth(pc.equal(table.column(VERSION), version))
    names = set() if metric.name in OF_EVERY_REQUEST else {metric.name}
    came = {name: read.came(table, rewarded, name, window_hours) for name in names}
    table, came = read.kept(table, came, is_own)
    unit, keyed = read.units(table, by_user=not design.learns)
    requests = Requests(
        np.zeros(table.num_rows, np.int64),
        unit,
        keyed,
        read.truth(table.column(FALLBACK)),
        read.floats(table, LATENCY),
        read.floats(table, PROPENSITY),
        came,
        read.floats(table, covariate) if covariate else None,
    )
    return _summary(sums_by_arm(requests, metric, 1)[0], bool(covariate), traffic)


def _summary(sums: CovariateSums, has_covariate: bool, traffic: float | None) -> Before:
    if sums.count < 2:
        return Before(traffic_per_day=traffic)
    mean = sums.y / sums.count
    spread = max(0.0, sums.yy - sums.count * mean * mean) / (sums.count - 1)
    left = variance_left([sums]) if has_covariate else 1.0
    return Before("log", mean, math.sqrt(spread), left, sums.count, traffic)


def _traffic(table: Any, times: Numbers, by_user: bool) -> float | None:
    """Users a day over the days that the log has; one that comes again is one."""
    if len(times) < 2:
        return None
    ids = table.column(REQUEST_ID)
    who = pc.coalesce(table.column(KEY), ids) if by_user else ids
    days = max((times.max() - times.min()) / DAY_US, 1.0)
    return float(pc.count_distinct(who).as_py() / days)
