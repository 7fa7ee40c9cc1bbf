"""What is compared by each metric, and what is borne of it where the config does not say.

Every comparison is always valid: its bounds hold at all looks at once. A new metric is a function,
a line in `METRICS`, and its name in `section.Metric`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from taxiway.delivery.analysis.conditions import holds
from taxiway.delivery.analysis.look import MetricLook, Verdict
from taxiway.delivery.evidence.measured import Measured, Moments, latency_of
from taxiway.delivery.statistics.comparisons.distributions import distribution_distance
from taxiway.delivery.statistics.comparisons.effect import Effect
from taxiway.delivery.statistics.comparisons.means import relative_difference
from taxiway.delivery.statistics.comparisons.quantiles import quantile_ratio
from taxiway.delivery.statistics.comparisons.rates import Rate, rate_difference

if TYPE_CHECKING:
    from taxiway.delivery.section import Metric

Compare = Callable[[Measured, Measured, float], Effect]
"""Of stable and canary, at an alpha."""


@dataclass(frozen=True)
class Kind:
    """How a metric is compared.

    Args:
      compare: gives the difference; of a latency and a reward as a share of the stable version's.
      margin: how much worse is borne, in the same unit.
      worse: which way is worse; `apart` where any difference is one, as of a distribution.
      count: how many observations of a version it rests on.
    """

    compare: Compare
    margin: float
    worse: Literal["higher", "lower", "apart"]
    count: Callable[[Measured], int]


def look_at(
    metric: Metric, stable: Measured, canary: Measured, alpha: float, fewest: int
) -> MetricLook:
    """Compares the versions by one metric.

    Args:
      alpha: of all looks at this metric together.
      fewest: observations of a version below which it tells nothing, whatever the conditions.
    """
    kind = kind_of(metric)
    effect = kind.compare(stable, canary, alpha)
    found = MetricLook(
        metric.name if metric.name != "reward" else f"reward {metric.reward}",
        "inconclusive",
        _finite(effect.control),
        _finite(effect.treatment),
        _finite(effect.estimate),
        _finite(effect.lower),
        _finite(effect.upper),
    )
    counts = {"stable": kind.count(stable), "canary": kind.count(canary)}
    few = [f"{name} has {count}" for name, count in counts.items() if count < fewest]
    if few:
        return replace(found, why=f"{' and '.join(few)}, expected {fewest} or more")
    verdict, why = _decided(*conditions_of(metric), effect)
    return replace(found, verdict=verdict, why=why)


def conditions_of(metric: Metric) -> tuple[str, str]:
    """The conditions of success and of failure: the config's, else what is usual.

    Usual is that a version succeeds which is known not to be worse by the margin, and fails which
    is known to be worse and not known to be so by less than the margin.
    """
    kind = kind_of(metric)
    margin = f"{kind.margin if metric.margin is None else metric.margin:g}"
    success, failure = {
        "higher": (f"upper < {margin}", f"lower > 0 and upper >= {margin}"),
        "lower": (f"lower > -{margin}", f"upper < 0 and lower <= -{margin}"),
        "apart": (f"upper < {margin}", f"lower > {margin}"),
    }[kind.worse]
    return metric.successCondition or success, metric.failureCondition or failure


def kind_of(metric: Metric) -> Kind:
    """How it is compared; of a reward, the one that it names."""
    kind = METRICS[metric.name]
    if metric.name != "reward":
        return kind
    return replace(
        kind,
        compare=functools.partial(_reward, metric.reward),
        count=lambda one: _moments(one, metric.reward).count,
    )


def _decided(success: str, failure: str, effect: Effect) -> tuple[Verdict, str]:
    """As Argo Rollouts does: a failure is one also where the condition of success holds."""
    values = {
        "stable": effect.control,
        "canary": effect.treatment,
        "difference": effect.estimate,
        "lower": effect.lower,
        "upper": effect.upper,
    }
    told = f"{effect.estimate:.3g} ({effect.lower:.3g} to {effect.upper:.3g})"
    failed, succeeded = holds(failure, values), holds(success, values)
    if failed:
        return "failure", f"{told}: {failure}"
    if succeeded and failed is not None:
        return "success", f"{told}: {success}"
    return "inconclusive", f"{told}: neither {success} nor {failure}"


def _errors(stable: Measured, canary: Measured, alpha: float) -> Effect:
    return rate_difference(
        Rate(stable.errors, stable.requests), Rate(canary.errors, canary.requests), alpha
    )


def _nan_rows(stable: Measured, canary: Measured, alpha: float) -> Effect:
    return rate_difference(
        Rate(stable.nan_rows, stable.rows), Rate(canary.nan_rows, canary.rows), alpha
    )


def _latency(quantile: float, stable: Measured, canary: Measured, alpha: float) -> Effect:
    """As a share: 0.1 where the new version's percentile is a tenth greater."""
    ratio = quantile_ratio(stable.latency, canary.latency, quantile, latency_of, alpha)
    return replace(ratio, estimate=ratio.estimate - 1, lower=ratio.lower - 1, upper=ratio.upper - 1)


def _scores(stable: Measured, canary: Measured, alpha: float) -> Effect:
    return distribution_distance(stable.scores, canary.scores, alpha)


def _reward(name: str, stable: Measured, canary: Measured, alpha: float) -> Effect:
    return relative_difference(_moments(stable, name), _moments(canary, name), alpha)


def _moments(measured: Measured, name: str) -> Moments:
    return measured.rewards.get(name, Moments())


def _answered(measured: Measured) -> int:
    return sum(measured.latency.values())


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _of_latency(quantile: float) -> Kind:
    return Kind(functools.partial(_latency, quantile), 0.25, "higher", _answered)


METRICS: Final[dict[str, Kind]] = {
    "error_rate": Kind(_errors, 0.005, "higher", lambda one: one.requests),
    "latency_p50": _of_latency(0.5),
    "latency_p95": _of_latency(0.95),
    "latency_p99": _of_latency(0.99),
    "nan_rate": Kind(_nan_rows, 0.001, "higher", lambda one: one.rows),
    "score": Kind(_scores, 0.1, "apart", lambda one: sum(one.scores.values())),
    "reward": Kind(functools.partial(_reward, "reward"), 0.05, "lower", lambda one: one.requests),
}
"""By the name of the metric. Margins: half a percent of the requests; a quarter of a percentile,
whose buckets are a tenth wide; a tenth of a percent of the rows; a tenth of the scores elsewhere; a
twentieth of the reward."""
