"""Whether the new version is better, worse or not known to be either, by one look."""

from __future__ import annotations

from taxiway.delivery.analysis.look import Look, together
from taxiway.delivery.analysis.metrics import look_at
from taxiway.delivery.evidence.measured import Measured, Pairs
from taxiway.delivery.section import Analysis


def take_look(
    analysis: Analysis, stable: Measured, canary: Measured, alpha: float, now: float
) -> Look:
    """Compares the versions by each metric of an analysis.

    Args:
      stable: what was measured of it.
      canary: the same of the new one, at the same times.
      alpha: of all metrics and looks together: how often a version that is no worse may fail; each
        metric has an equal share of it.
      now: seconds since the epoch.
    """
    share = alpha / max(len(analysis.metrics), 1)
    metrics = tuple(
        look_at(metric, stable, canary, share, analysis.fewest) for metric in analysis.metrics
    )
    verdict = together(one.verdict for one in metrics)
    return Look(now, verdict, stable.requests, canary.requests, metrics, _of_copies(canary.pairs))


def _of_copies(pairs: Pairs) -> dict[str, float]:
    if not pairs.compared and not pairs.dropped:
        return {}
    return {
        "compared": pairs.compared,
        "agreed": pairs.agreed / pairs.compared if pairs.compared else 0.0,
        "drift": pairs.drift.mean if pairs.drift.count else 0.0,
        "dropped": pairs.dropped,
    }
