"""Numbers of several splits in the same bins, whatever outliers they have, from their statistics.

TFDV compares two columns by their histograms of ten bins of equal width, each over a range of its
own. A long tail leaves all but one of them nearly empty, and how the rest is spread within that one
is a guess: two halves of one column then seem to differ. Here every split is counted in the same
bins, and each bin holds as many of all rows as any other, as far as equal values let it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from tensorflow_metadata.proto.v0 import statistics_pb2

BINS: Final = 20
Floats = npt.NDArray[np.float64]
_Histogram = statistics_pb2.Histogram


def align_histograms(splits: Sequence[Any]) -> None:
    """Puts the same bins into the statistics of each split, in place of those of equal width.

    The bins come from the histograms of quantiles, so a share is as exact as these are: to 0.025
    of all rows where there are 40 of them. A column that is no number, or without a value in one
    of the splits, stays as it is.

    Args:
      splits: the `DatasetFeatureStatistics` of each; edited in place.
    """
    by_name = [
        {tuple(one.path.step) or one.name: one for one in split.features} for split in splits
    ]
    for name in set.intersection(*map(set, by_name)) if by_name else ():
        features = [split[name] for split in by_name]
        quantiles = [_quantiles(feature) for feature in features]
        known = [one for one in quantiles if one is not None]
        if len(known) == len(features):
            edges = _edges(known)
            for feature, one in zip(features, known, strict=True):
                _replace(feature.num_stats, np.diff(one.below(edges), prepend=0, append=one.total))


class _Quantiles:
    """How many rows have a value up to some number, from a histogram of quantiles."""

    def __init__(self, buckets: Sequence[Any]) -> None:
        rows = [(one.low_value, one.high_value, one.sample_count) for one in buckets]
        self.low, self.high, self.count = np.array(rows, np.float64).T
        self.total = float(self.count.sum())

    def below(self, numbers: Floats) -> Floats:
        """Rows with a value not above each number; within a bucket they lie evenly."""
        width = self.high - self.low
        above = numbers[:, np.newaxis] - self.low
        with np.errstate(all="ignore"):
            share = np.where(width > 0, above / width, above >= 0)
        counted: Floats = np.clip(share, 0, 1) @ self.count
        return counted


def _quantiles(feature: Any) -> _Quantiles | None:
    if feature.WhichOneof("stats") != "num_stats":
        return None
    for histogram in feature.num_stats.histograms:
        if histogram.type == _Histogram.QUANTILES:
            finite = [
                one
                for one in histogram.buckets
                if np.isfinite([one.low_value, one.high_value]).all()
            ]
            found = _Quantiles(finite) if finite else None
            return found if found and found.total > 0 else None
    return None


def _edges(splits: Sequence[_Quantiles]) -> Floats:
    """Where bins end, the last one left open: each split counts as much as any other."""
    points = np.unique(np.concatenate([edge for one in splits for edge in (one.low, one.high)]))
    share = np.mean([one.below(points) / one.total for one in splits], axis=0)
    wanted = np.arange(1, BINS) / BINS
    places = np.minimum(np.searchsorted(share, wanted - 1e-9), len(points) - 1)
    edges: Floats = points[np.unique(places)]
    return edges


def _replace(stats: Any, counts: Floats) -> None:
    """The bins are numbered: TFDV takes two histograms with equal edges as they are."""
    others = [one for one in stats.histograms if one.type != _Histogram.STANDARD]
    made = _Histogram(type=_Histogram.STANDARD)
    if others:
        made.num_nan = others[0].num_nan
    for number, count in enumerate(counts.tolist()):
        made.buckets.add(low_value=number, high_value=number + 1, sample_count=max(count, 0.0))
    del stats.histograms[:]
    stats.histograms.extend([made, *others])
