"""Whether a log can say anything of a policy, and if not, why: one function for each reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from taxiway.delivery.off_policy.estimators import Sample
from taxiway.delivery.off_policy.intervals import standard_error
from taxiway.delivery.off_policy.logged import CERTAIN

FEWEST: Final = 100
"""Decisions, people, and effective sample size: below it a mean of weighted rewards, which is
skewed, is not near enough to normal for its interval to hold."""
FEWEST_EVENTS: Final = 10
"""Rewards that differ from the commonest one: the usual rule for a proportion's normal interval."""
_POSSIBLE: Final = 1e-9
"""Probability above which a policy is said to choose an arm."""
_FARTHEST: Final = 3.29
"""Standard errors of the weights' mean from 1: two-sided p of 0.001."""


def refusals(sample: Sample) -> tuple[str, ...]:
    """Why the log says nothing of the policy that could be relied on; empty where it does."""
    if not sample.logged.rows:
        return ("no decision is left to evaluate by",)
    found = (reason(sample) for reason in REASONS)
    return tuple(one for one in found if one)


def effective_sample_size(sample: Sample) -> float:
    """Kish (1965): how many rows of the policy's own the weighted rows are worth."""
    weights = sample.weights
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def _too_few(sample: Sample) -> str:
    units = len(np.unique(sample.logged.units))
    if units >= FEWEST:
        return ""
    return (
        f"{sample.logged.rows:,} decisions of {units:,} people or requests, "
        f"expected {FEWEST} at least"
    )


def _no_chance(sample: Sample) -> str:
    """Every decision was certain: nothing is known of what another choice would have earned."""
    if not (sample.logged.propensities >= CERTAIN).all() or not _beyond(sample).any():
        return ""
    return (
        "every decision of the log was certain (propensity 1), so it says nothing of other "
        "choices; split traffic first, for example with taxiway rollout weights"
    )


def _no_support(sample: Sample) -> str:
    """The policy chooses what the log could not have chosen."""
    logged, beyond = sample.logged, _beyond(sample)
    if not beyond.any() or (logged.propensities >= CERTAIN).all():
        return ""
    share = float(np.where(beyond, sample.targets, 0.0).sum() / logged.rows)
    rows = int(beyond.any(axis=1).sum())
    names = ", ".join(logged.arms[arm] for arm in np.flatnonzero(beyond.any(axis=0)))
    return (
        f"no support: in {rows:,} of {logged.rows:,} decisions the policy may choose {names}, "
        f"which the log could not have chosen there ({share:.2%} of the policy's choices)"
    )


def _unequal_weights(sample: Sample) -> str:
    size = effective_sample_size(sample)
    if size >= FEWEST or sample.logged.rows < FEWEST or _beyond(sample).any():
        return ""
    return (
        f"the policy is too far from the log's: the weights of {sample.logged.rows:,} decisions "
        f"are worth {size:,.1f} (effective sample size), expected {FEWEST} at least"
    )


def _wrong_mean(sample: Sample) -> str:
    """Weights have mean 1 where propensities are true and every arm has its chance.

    The arithmetic mean test of Li, Chen, Kleban and Gupta (2015).
    """
    weights = sample.weights
    mean = float(weights.mean())
    error = standard_error(weights - mean, sample.logged.units)
    if abs(mean - 1.0) <= _FARTHEST * error + _POSSIBLE or _beyond(sample).any():
        return ""
    return (
        f"the weights have mean {mean:.4g} (standard error {error:.2g}), expected 1: the log's "
        "propensities are not those by which its arms were chosen, or an arm has too few decisions"
    )


def _no_events(sample: Sample) -> str:
    values, counts = np.unique(sample.logged.rewards, return_counts=True)
    events = sample.logged.rows - int(counts.max())
    if events >= FEWEST_EVENTS:
        return ""
    common = float(values[counts.argmax()])
    return (
        f"all but {events} rewards are {common:g}, so they do not tell arms apart; "
        f"expected {FEWEST_EVENTS} others at least"
    )


def _beyond(sample: Sample) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """(n, k) where the policy may choose an arm that the log could not have chosen."""
    logged = sample.logged
    impossible = logged.impossible
    if logged.possible is None or np.isnan(logged.possible).any():
        seen = np.bincount(logged.chosen, minlength=len(logged.arms)) > 0
        unknown = True if logged.possible is None else np.isnan(logged.possible)
        impossible = impossible | (unknown & ~seen)
    return np.asarray(impossible & (sample.targets > _POSSIBLE))


REASONS: Final[tuple[Callable[[Sample], str], ...]] = (
    _too_few,
    _no_chance,
    _no_support,
    _unequal_weights,
    _wrong_mean,
    _no_events,
)
"""Each gives its words, or nothing."""
