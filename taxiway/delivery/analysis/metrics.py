"""What is compared by each metric, and what is borne of it where the config does not say."""

from __future__ import annotations

from taxiway.delivery.analysis.look import MetricLook
from taxiway.delivery.evidence.measured import Measured
from taxiway.delivery.section import Metric


def look_at(metric: Metric, stable: Measured, canary: Measured, alpha: float) -> MetricLook:
    """Compares the versions by one metric.

    Args:
      alpha: of all looks at this metric together.
    """
    del stable, canary, alpha
    return MetricLook(metric.name, "inconclusive", why="not yet compared")
