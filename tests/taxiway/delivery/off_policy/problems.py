"""Problems whose truth is known: contexts, a log of one policy, and another that is evaluated."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from taxiway.delivery.off_policy.logged import Floats, Logged

ARMS = ("stable", "1.2.0", "1.3.0", "1.4.0")
_CONTEXTS = 20_000
_SCALE = 0.3  # of the policies: how far they are from one another


@dataclass(frozen=True)
class Problem:
    """A log of a policy, and what another one would do and earn.

    Args:
      logged: of the policy that chose.
      targets: (n, k) of the other.
      truth: what the other earns per decision, over all requests there could be.
    """

    logged: Logged
    targets: Floats
    truth: float


def a_problem(
    seed: int, rows: int = 2_000, *, binary: bool = True, units: int | None = None
) -> Problem:
    """Five numbers and a text are known; rewards bend with them, so that no linear model is right.

    Both policies are softmaxes of linear scores. Where there are fewer units than rows, what is
    known and half of the noise of a unit's rows is the same.
    """
    rng = np.random.default_rng(seed)
    scores, others, slopes = _SCALE * rng.normal(size=(3, 6, len(ARMS)))

    def known(count: int) -> Floats:
        return np.column_stack([rng.normal(size=(count, 5)), rng.integers(0, 2, count)])

    def rewarded(x: Floats) -> Floats:
        return 1 / (1 + np.exp(-(x @ slopes + 0.5 * np.sin(2 * x[:, :1]) - 0.5)))

    whole = known(_CONTEXTS)
    truth = float((_softmax(whole @ others) * rewarded(whole)).sum(axis=1).mean())
    whose = np.arange(rows) if units is None else np.sort(rng.integers(0, units, rows))
    x = known(int(whose.max()) + 1)[whose]
    propensities = _softmax(x @ scores)
    chosen = (propensities.cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1)
    at = np.arange(rows)
    expected = rewarded(x)[at, chosen]
    common = rng.normal(size=rows)[whose] if units is not None else 0.0
    rewards = (
        (rng.random(rows) < expected).astype(np.float64)
        if binary
        else expected + rng.normal(size=rows) * 0.5 + common
    )
    columns = {f"x{number}": x[:, number].tolist() for number in range(5)}
    columns["city"] = [("Kyiv", "Oslo")[int(one)] for one in x[:, 5]]
    logged = Logged(ARMS, chosen, propensities[at, chosen], rewards, whose, columns, propensities)
    return Problem(logged, _softmax(x @ others), truth)


def without(logged: Logged, *names: str) -> Logged:
    """The log as one that does not say these things."""
    return replace(logged, **dict.fromkeys(names))


def _softmax(scores: Floats) -> Floats:
    found = np.exp(scores)
    return np.asarray(found / found.sum(axis=1, keepdims=True))
