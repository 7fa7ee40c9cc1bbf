"""What the log already says of versions, for a bandit that does not want to begin from nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxiway.delivery.experiment_section import Experiment
from taxiway.delivery.policies.logs import warm_start
from taxiway.delivery.policies.policy import Observation, State
from taxiway.serving.decisions.experiments import read
from taxiway.serving.decisions.parquet.tables import FALLBACK, PROPENSITY, TIME, VERSION
from taxiway.serving.decisions.parquet.unconverted import read_all


def learnt_before(
    root: Path, model: str, design: Experiment, window_hours: float
) -> tuple[State, int]:
    """The state that a policy begins with, and how many observations it has learnt from.

    Args:
      root: of the log.
      model: name.
      design: its arms' versions as the registry names them.
      window_hours: `serving.log.reward_window_hours`.
    """
    versions = [arm.version for arm in design.arms]
    name = design.primary_metric.name
    columns = [*dict.fromkeys([*read.READ, VERSION, *design.policy.columns])]
    table, rewarded = read_all(root, model, 0, columns)
    if table is None:
        return design.policy.initial(versions), 0
    came = read.came(table, rewarded, name, window_hours)
    first, _ = read.first_rows(table, table.column(TIME).cast(pa.int64()).to_numpy())
    drawn = read.not_by_hand(table)
    wanted = first & drawn & ~read.truth(table.column(FALLBACK)) & np.isfinite(came.values)
    wanted &= read.truth(pc.is_in(table.column(VERSION), pa.array(versions)))
    table, of_name = read.kept(table, {name: came}, wanted)
    order = np.argsort(table.column(TIME).cast(pa.int64()).to_numpy(), kind="stable")
    values = of_name[name].values[order]
    rows = _observations(table.take(pa.array(order)), values.tolist(), design.policy.columns)
    state, refused = warm_start(design.policy, versions, rows)
    return state, len(values) - refused


def _observations(
    table: Any, values: Sequence[float], columns: Sequence[str]
) -> Iterator[Observation]:
    contexts = table.select([name for name in columns if name in table.schema.names]).to_pylist()
    rows = zip(
        table.column(VERSION).to_pylist(),
        values,
        contexts or [{}] * len(values),
        table.column(PROPENSITY).to_pylist(),
        strict=True,
    )
    for version, value, context, propensity in rows:
        yield Observation(version, value, context, propensity)
