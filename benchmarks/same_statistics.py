"""Whether both sides' statistics say the same: exact numbers exactly, sketches within their error.

TFDV counts exactly but estimates quantiles, and with them histograms and the median; and it puts
values of equal count in any order. So two runs of TFDV itself differ in these. They are held
against the rows instead: on each side within the error that TFDV allows itself. A cell without a
value counts as missing, whether its feature is unset or an empty list (see `same_schema`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

TOLERANCE: Final = 1e-6
"""Relative error of what is exact but for the order in which floats are added up."""
RANK_ERROR: Final = 0.0125
"""TFDV's `epsilon` of 0.01 in rank, and what interpolating between its 1000 quantiles adds."""
UNIQUE_ERROR: Final = 0.05
"""Six deviations of the sketch that counts unique values (16,384 hashes) where TFDV uses one."""
UNIQUE_SKETCH: Final = 16_384
"""Unique values up to which that sketch is exact."""
COUNT_SKETCH: Final = 1024
"""Unique values up to which TFDV's sketch of the most frequent values is exact; beyond, a count may
be off by the number of values over this size (Misra and Gries)."""
COMMON: Final = (
    "num_non_missing",
    "num_missing",
    "min_num_values",
    "max_num_values",
    "avg_num_values",
    "tot_num_values",
)
NUMERIC: Final = ("mean", "std_dev", "min", "max", "num_zeros")

Floats = npt.NDArray[np.float64]


def close(one: float, other: float, tolerance: float = TOLERANCE) -> bool:
    """Whether two numbers agree, relative to the larger, or to 1 near zero."""
    return abs(one - other) <= tolerance * max(1.0, abs(one), abs(other))


def statistics_differences(
    stock: Any, taxiway: Any, columns: Mapping[str, Any], split: str
) -> list[str]:
    """What differs between two `DatasetFeatureStatistics` of one split.

    Args:
      stock: the statistics of one side.
      taxiway: those of the other.
      columns: the rows that both describe, as Arrow columns by name.
      split: names the split in the sentences.
    """
    if stock.num_examples != taxiway.num_examples:
        return [f"{split}: {stock.num_examples} examples in stock, {taxiway.num_examples} here"]
    ones = _by_name(with_empty_as_missing(stock))
    others = _by_name(with_empty_as_missing(taxiway))
    if set(ones) != set(others):
        return [f"{split}: columns {sorted(set(ones) ^ set(others))} are in one of the two only"]
    return [
        f"{split}, column '{name}': {text}"
        for name in sorted(ones)
        for text in _feature(ones[name], others[name], columns[name])
    ]


def with_empty_as_missing(statistics: Any) -> Any:
    """A copy in which a row whose list is empty is missing; for columns of at most one value."""
    copy = type(statistics)()
    copy.CopyFrom(statistics)
    for feature in copy.features:
        common = getattr(feature, feature.WhichOneof("stats")).common_stats
        empty = common.num_non_missing - common.tot_num_values
        if common.max_num_values == 1 and empty > 0:
            common.num_missing += empty
            common.num_non_missing -= empty
            common.min_num_values = 1
            common.avg_num_values = 1.0
    return copy


def rank_gap(ordered: Floats, value: float, share: float) -> float:
    """How far a value is, in rank, from being the quantile `share` of sorted numbers.

    A value stands for every rank that its equals take; 0 where `share` is among them.
    """
    near = TOLERANCE * max(1.0, abs(value))
    below = float(np.searchsorted(ordered, value - near, "left")) / len(ordered)
    upto = float(np.searchsorted(ordered, value + near, "right")) / len(ordered)
    return max(0.0, below - share, share - upto)


def _by_name(statistics: Any) -> dict[str, Any]:
    return {feature.name or ".".join(feature.path.step): feature for feature in statistics.features}


def _feature(stock: Any, taxiway: Any, column: Any) -> Iterator[str]:
    kind = stock.WhichOneof("stats")
    if stock.type != taxiway.type or taxiway.WhichOneof("stats") != kind:
        yield f"type {stock.type} ({kind}) in stock, {taxiway.type} here"
        return
    one, other = getattr(stock, kind), getattr(taxiway, kind)
    yield from _numbers(one.common_stats, other.common_stats, COMMON)
    values = column.drop_null()
    if kind == "num_stats":
        yield from _numbers(one, other, NUMERIC)
        ordered = np.sort(values.to_numpy().astype(np.float64))
        for side, stats in (("stock", one), ("Taxiway", other)):
            yield from (f"{text} ({side})" for text in _sketched_numbers(stats, ordered))
    elif kind == "string_stats":
        yield from _numbers(one, other, ("avg_length",))
        counts = {
            _text(entry["values"]): int(entry["counts"])
            for entry in pc.value_counts(values).to_pylist()
        }
        for side, stats in (("stock", one), ("Taxiway", other)):
            yield from (f"{text} ({side})" for text in _counted_values(stats, counts))
        yield from _same_ranks(one, other)
    else:
        yield f"statistics of kind '{kind}' are not known to benchmarks/same_statistics.py"


def _numbers(stock: Any, taxiway: Any, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        one, other = getattr(stock, name), getattr(taxiway, name)
        exact = isinstance(one, int) and isinstance(other, int)
        if not (one == other if exact else close(one, other)):
            yield f"{name} is {one} in stock, {other} here"


def _sketched_numbers(stats: Any, ordered: Floats) -> Iterator[str]:
    if not len(ordered):
        return
    gap = rank_gap(ordered, stats.median, 0.5)
    if gap > RANK_ERROR:
        yield f"median {stats.median} is {gap:.3f} off in rank"
    kinds = {histogram.type: histogram for histogram in stats.histograms}
    for kind in sorted(kinds):
        buckets = kinds[kind].buckets
        ends = [bucket.high_value for bucket in buckets]
        total = sum(bucket.sample_count for bucket in buckets)
        if not close(total, len(ordered), 1e-4):
            yield f"a histogram counts {total:.1f} values of {len(ordered)}"
        if kind == kinds[kind].QUANTILES:
            shares = [(number + 1) / len(ends) for number in range(len(ends))]
        else:
            counts = np.array([bucket.sample_count for bucket in buckets])
            shares = list(np.cumsum(counts) / max(total, 1.0))
        gaps = [rank_gap(ordered, end, share) for end, share in zip(ends, shares, strict=True)]
        if gaps and max(gaps) > RANK_ERROR:
            yield f"a histogram is {max(gaps):.3f} off in rank"
    if set(kinds) != {0, 1}:
        yield f"histograms of kinds {sorted(kinds)}, expected equal width and quantiles"


def _counted_values(stats: Any, counts: Mapping[str, int]) -> Iterator[str]:
    """Most frequent values and the number of unique ones, against the true counts."""
    allowed = sum(counts.values()) / COUNT_SKETCH if len(counts) > COUNT_SKETCH else 0.0
    unsure = UNIQUE_ERROR * len(counts) if len(counts) > UNIQUE_SKETCH else 0.0
    if abs(stats.unique - len(counts)) > unsure:
        yield f"{stats.unique} unique values, {len(counts)} in the rows"
    buckets = ((bucket.label, bucket.sample_count) for bucket in stats.rank_histogram.buckets)
    listed = [*((top.value, top.frequency) for top in stats.top_values), *buckets]
    for value, count in listed:
        if abs(counts.get(value, 0) - count) > allowed:
            yield f"'{value}' counted {count:.0f} times, {counts.get(value, 0)} in the rows"
            return
    top = [top.frequency for top in stats.top_values]
    true = sorted(counts.values(), reverse=True)[: len(top)]
    if any(abs(one - other) > allowed for one, other in zip(top, true, strict=True)):
        yield f"the most frequent values are counted {top[:5]}, in the rows {true[:5]}"


def _same_ranks(stock: Any, taxiway: Any) -> Iterator[str]:
    """As many top values and ranks on both sides; which of equal count they are is left open."""
    for name, one, other in (
        ("top_values", stock.top_values, taxiway.top_values),
        ("rank_histogram", stock.rank_histogram.buckets, taxiway.rank_histogram.buckets),
    ):
        if len(one) != len(other):
            yield f"{name} has {len(one)} entries in stock, {len(other)} here"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
