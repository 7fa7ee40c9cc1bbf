"""What decisions that are logged already say of arms: the state to begin with, and the regret.

An arm that was chosen with different probabilities at different times was not asked of all requests
alike. So rows are weighted by one over the probability, and an arm counts as many as its effective
sample size, (sum of weights)² / sum of their squares (Kish, Survey Sampling, 1965).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from taxiway.delivery.policies.counted.sums import CountedPolicy, Sums
from taxiway.delivery.policies.counted.thompson import Belief, believed
from taxiway.delivery.policies.policy import BasePolicy, Observation, State, sound

_CHUNK: Final = 1_000
_DRAWS: Final = 4_000
_SEED: Final = 15


@dataclass(frozen=True)
class Regret:
    """What was lost by not choosing the best arm every time.

    Args:
      estimate: in the unit of the reward, over all observations.
      low: lower end of its 95 percent interval.
      high: upper end of it.
      best: the arm that was best in hindsight, of those that have observations; empty for none.
      observations: that it is of.
    """

    estimate: float
    low: float
    high: float
    best: str
    observations: float

    @property
    def per_observation(self) -> float:
        """The estimate for each; 0 for none."""
        return self.estimate / self.observations if self.observations else 0.0


def warm_start(
    policy: BasePolicy, arms: Sequence[str], rows: Iterable[Observation]
) -> tuple[State, int]:
    """The state of a policy that has learnt from a log, and how many rows it could not learn from.

    Rows all count alike, however old; what a policy forgets, it forgets from here on. Those of
    other arms are left out.

    Args:
      policy: that begins.
      arms: to choose from.
      rows: of the log, in the order of their times, whatever chose the arms.
    """
    state = policy.initial(arms)
    refused = 0
    if isinstance(policy, CountedPolicy):
        good, bad = sound(policy, rows)
        sums = weighted_sums(one for one in good if one.arm in set(arms))
        return policy.with_sums(state, sums), len(bad)
    forgets = "discount" in type(policy).model_fields
    still = policy.model_copy(update={"discount": 1.0}) if forgets else policy
    left = iter(rows)
    while chunk := list(islice(left, _CHUNK)):
        good, bad = sound(policy, chunk)
        state = still.update(state, good)
        refused += len(bad)
    return state, refused


def weighted_sums(rows: Iterable[Observation]) -> dict[str, Sums]:
    """By arm, as if it had been asked of all requests alike."""
    found: dict[str, list[float]] = {}
    for one in rows:
        weight = 1 / one.propensity
        sums = found.setdefault(one.arm, [0.0, 0.0, 0.0, 0.0])
        for place, more in enumerate((1.0, weight, one.reward, one.reward * one.reward)):
            sums[place] += weight * more
    return {
        arm: Sums(
            weight / squares * weight, weight / squares * total, weight / squares * of_squares
        )
        for arm, (weight, squares, total, of_squares) in found.items()
    }


def regret(sums: Mapping[str, Sums]) -> Regret:
    """Of a policy that chooses alike for every request; from its state by `sums_of`.

    It is the sum over arms of n (best mean - mean). The means are not known but for their beliefs
    (see `believed`), of which 4,000 are drawn. The estimate is the mean of what they give; the
    interval goes from 2.5 percent of them, against the arm whose mean is highest, to 97.5 percent,
    against whichever is best in a draw: of arms that are equal it has 0. An arm without rewards is
    left out.
    """
    arms = [arm for arm, one in sums.items() if one.n > 0]
    counts = [sums[arm].n for arm in arms]
    beliefs = believed([sums[arm] for arm in arms])
    return _regret(arms, [sums[arm].mean for arm in arms], beliefs, counts, None)


def contextual_regret(rows: Iterable[Observation]) -> Regret:
    """Of a policy that looks at the request, against the one arm that would have been the best.

    It is n times the best mean, less the rewards that came, and is negative where looking at the
    request has paid. The means are by weighted rows (see above); the interval is as of `regret`.
    """
    kept = list(rows)
    sums = weighted_sums(kept)
    arms, total = list(sums), sum(one.reward for one in kept)
    beliefs = believed(list(sums.values()))
    counts = [float(sum(one.arm == arm for one in kept)) for arm in arms]
    return _regret(arms, [one.mean for one in sums.values()], beliefs, counts, total)


def _regret(
    arms: Sequence[str],
    means: Sequence[float],
    beliefs: Sequence[Belief],
    counts: Sequence[float],
    total: float | None,
) -> Regret:
    if not arms:
        return Regret(0.0, 0.0, 0.0, "", 0.0)
    best = arms[means.index(max(means))]
    observations = sum(counts)
    if not beliefs:  # all rewards are equal
        return Regret(0.0, 0.0, 0.0, best, observations)
    import numpy as np

    random = np.random.default_rng(_SEED)
    drawn = np.array(
        [one.mean + one.scale * random.standard_t(one.freedom, _DRAWS) for one in beliefs]
    )
    own = np.array(counts) @ drawn if total is None else np.full(_DRAWS, total)
    found = observations * drawn.max(axis=0) - own
    low = float(np.quantile(observations * drawn[arms.index(best)] - own, 0.025))
    high = float(np.quantile(found, 0.975))
    least = 0.0 if total is None else low  # nothing chooses better than the best of them
    return Regret(float(found.mean()), max(low, least), high, best, observations)
