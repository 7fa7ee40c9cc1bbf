"""Charts of data and of training: SVG of the report's own making, which loads nothing."""

from __future__ import annotations

from typing import Final

from taxiway.html.charts import Line, bar_chart, column_chart, line_chart
from taxiway.html.page import COMMON
from taxiway.modeling.curves import read_curves
from taxiway.notebooks.delivery import Svg
from taxiway.notebooks.session import Session
from taxiway.notebooks.statistics import bars, name_of, splits

STYLE: Final = "charts.css"


def distribution(session: Session, feature: str, split: str = "train") -> Svg:
    """How the values of a feature are spread over a split.

    Raises:
      KeyError: the statistics have no such feature, or no such split.
    """
    datasets = dict(splits(session.artifact("StatisticsGen", "statistics")))
    found = {name_of(one): one for one in datasets[split].features}[feature]
    title = f"{feature}, {split}"
    if found.HasField("num_stats"):
        return _shown(column_chart(bars(found), title, feature, "rows"))
    return _shown(bar_chart(bars(found), title, "rows"))


def curves(session: Session, *metrics: str) -> Svg:
    """Metrics by epoch, of training and of validation; without names, the loss."""
    values = read_curves(session.artifact("Trainer", "model_run"))
    names = [name for one in metrics or ("loss",) for name in (one, f"val_{one}")]
    lines = [Line(name, list(enumerate(values[name], 1))) for name in names if name in values]
    return _shown(line_chart(lines, "training", "epoch", "value"))


def _shown(chart: str) -> Svg:
    """With its colours, which a page of our own would bring."""
    return Svg(chart, (COMMON / STYLE).read_text(encoding="utf-8"))
