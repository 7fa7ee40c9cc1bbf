"""Several arms or metrics at once: which are believed, and whether a guard metric is held."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar

from taxiway.delivery.statistics.comparisons.effect import Effect

Name = TypeVar("Name")


def bonferroni(alpha: float, comparisons: int) -> float:
    """The alpha of each of several comparisons whose bounds are all to hold at once.

    For confidence sequences: give the alpha to `mean_difference` and its like.
    """
    return alpha / max(1, comparisons)


def holm(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """The p-value of each of several comparisons, adjusted: reject those that are up to alpha.

    Holm 1979, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6(2):
    the share of experiments with any false rejection is at most alpha, whatever their dependence;
    of always valid p-values, at any time of looking. It rejects what Bonferroni does, and more.
    """
    found: dict[Name, float] = {}
    largest = 0.0
    for rank, (name, p_value) in enumerate(sorted(p_values.items(), key=lambda one: one[1])):
        largest = max(largest, min(1.0, p_value * (len(p_values) - rank)))
        found[name] = largest
    return {name: found[name] for name in p_values}


Guard = Literal["held", "broken", "open"]


def guard(effect: Effect, margin: float, direction: Literal["higher", "lower"]) -> Guard:
    """Whether a guard metric is not worse by more than a margin (non-inferiority).

    Both answers come from the bounds, so each is wrong with a probability of at most their alpha,
    at all looks at once; a metric of which little is known is "open", never "held".

    Args:
      effect: of the treatment against the control.
      margin: that is borne, 0 or more, in the unit of the effect.
      direction: of what is better, as of the metric's goal.

    Returns:
      held: surely not worse by more than the margin. broken: surely worse by more. open: not known.
    """
    worst, best = (
        (-effect.upper, -effect.lower) if direction == "lower" else (effect.lower, effect.upper)
    )
    if worst >= -margin:
        return "held"
    return "broken" if best < -margin else "open"
