"""What gateways have measured of a version, as people read it beside business metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from taxiway.delivery.evidence.measured import Measured, latency_of, score_of


@dataclass(frozen=True)
class ModelMetrics:
    """Of one version; NaN where nothing was measured.

    Args:
      requests: that were to go to it, answered or not.
      error_rate: of requests that it failed to answer.
      nan_rate: of rows that it answered with no finite score.
      latency_p50_ms: of requests that it answered, to 10 percent.
      latency_p99_ms: as that.
      score: the mean, to a hundredth where scores are 0 to 1, else to 10 percent.
    """

    requests: int
    error_rate: float
    nan_rate: float
    latency_p50_ms: float
    latency_p99_ms: float
    score: float


def model_metrics(found: Measured) -> ModelMetrics:
    """Of what was measured."""
    scores = sum(found.scores.values())
    return ModelMetrics(
        found.requests,
        _share(found.errors, found.requests),
        _share(found.nan_rows, found.rows),
        _percentile(found.latency, 0.5),
        _percentile(found.latency, 0.99),
        sum(score_of(bucket) * count for bucket, count in found.scores.items()) / scores
        if scores
        else math.nan,
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _percentile(latency: Mapping[int, int], quantile: float) -> float:
    """Milliseconds: the upper edge of the bucket that it is in."""
    left = quantile * sum(latency.values())
    for bucket in sorted(latency):
        left -= latency[bucket]
        if left <= 0:
            return latency_of(bucket) * 1e3
    return math.nan
