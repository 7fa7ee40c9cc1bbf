"""Charts of data and of training: SVG of the report's own making, which loads nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from taxiway.html.charts import Line, bar_chart, column_chart, line_chart
from taxiway.notebooks.delivery import Svg
from taxiway.notebooks.session import Session
from taxiway.notebooks.statistics import bars, name_of, splits

CURVES_FILE: Final = "curves.json"


def distribution(session: Session, feature: str, split: str = "train") -> Svg:
    """How the values of a feature are spread over a split.

    Raises:
      KeyError: the statistics have no such feature, or no such split.
    """
    datasets = dict(splits(session.artifact("StatisticsGen", "statistics")))
    found = {name_of(one): one for one in datasets[split].features}[feature]
    draw = column_chart if found.HasField("num_stats") else None
    title = f"{feature}, {split}"
    if draw is None:
        return Svg(bar_chart(bars(found), title, "rows"))
    return Svg(draw(bars(found), title, feature, "rows"))


def curves(session: Session, *metrics: str) -> Svg:
    """Metrics by epoch, of training and of validation; without names, the loss."""
    path = Path(session.artifact("Trainer", "model_run")) / CURVES_FILE
    values = json.loads(path.read_text(encoding="utf-8"))
    names = [name for one in metrics or ("loss",) for name in (one, f"val_{one}")]
    lines = [Line(name, list(enumerate(values[name], 1))) for name in names if name in values]
    return Svg(line_chart(lines, "training", "epoch", "value"))
