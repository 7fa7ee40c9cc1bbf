"""The Evaluator's arrow engine without TensorFlow: slices, sums that add up, and formulas."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxiway.arrow.evaluator import intervals
from taxiway.arrow.evaluator.measures import Count, Crossed, Histogram, Measure, Totals
from taxiway.arrow.evaluator.pairing import Pairing, Rows
from taxiway.arrow.evaluator.slices import Column, Members, members
from taxiway.arrow.evaluator.sums import Sums, merged

MEASURES: tuple[Measure, ...] = (
    Count(Pairing("")),
    Totals(Pairing("", weighted=True)),
    Crossed(Pairing(""), (0.25, 0.5)),
    Histogram(Pairing(""), 10, 0.0, 1.0, fractional=True),
)
SPECS = ((), ("a",), ("b",), ("b", "a"), ("a", "b"), ("a", "c"), ("d",))


def column(cells: list[list[Any]], dtype: Any) -> Column:
    values = np.array([value for cell in cells for value in cell], dtype)
    return Column(values, np.cumsum([0, *map(len, cells)]))


@st.composite
def tables(draw: Any) -> list[dict[str, list[Any]]]:
    texts = st.lists(st.sampled_from(["", "x", "\u00e9", "\u65e5\u672c"]), max_size=3)
    wholes = st.lists(st.integers(-2, 2), max_size=2)
    parts = st.lists(st.sampled_from([0.0, 0.5, -1.5]), max_size=2)
    row = st.fixed_dictionaries({"a": texts, "b": wholes, "c": parts})
    return list(draw(st.lists(row, max_size=8)))


def columns(table: list[dict[str, list[Any]]]) -> dict[str, Column]:
    coded = [[value.encode() for value in row["a"]] for row in table]
    return {
        "a": column(coded, object),
        "b": column([row["b"] for row in table], np.int64),
        "c": column([row["c"] for row in table], np.float32),
    }


def batch(count: int, seed: int) -> Rows:
    random = np.random.default_rng(seed)
    return Rows(
        count,
        {"": random.random(count).astype(np.float32)},
        {"": random.integers(0, 2, (count, 1))},
        {"": random.random(count)},
    )


class TestSlices:
    """Which slices a row is in."""

    @settings(deadline=None)
    @given(tables())
    def test_they_are_those_of_the_cartesian_product_of_a_rows_values(
        self, table: list[dict[str, list[Any]]]
    ) -> None:
        found = members(columns(table), SPECS, len(table))
        pairs = [
            (int(row), found.keys[int(slice_)])
            for row, slice_ in zip(found.rows, found.slices, strict=True)
        ]
        expected = {
            (index, key)
            for index, row in enumerate(table)
            for spec in SPECS
            if all(name in row for name in spec)
            for key in itertools.product(*([(n, v) for v in row[n]] for n in sorted(spec)))
        }
        assert len(pairs) == len(set(pairs))
        assert set(pairs) == expected

    def test_values_are_plain_python(self) -> None:
        table = [{"a": ["x"], "b": [3], "c": [0.5]}]
        found = members(columns(table), [("a",), ("b",), ("c",)], 1)
        assert found.keys == [(("a", "x"),), (("b", 3),), (("c", 0.5),)]
        assert [type(key[0][1]) for key in found.keys] == [str, int, float]


class TestSums:
    """What is summed in pieces is the sum of the whole."""

    @settings(deadline=None, max_examples=25)
    @given(tables(), st.integers(0, 8), st.integers(0, 3))
    def test_of_any_two_shards(
        self, table: list[dict[str, list[Any]]], cut: int, replicates: int
    ) -> None:
        rows = batch(len(table), 1)
        draws = np.random.default_rng(2).poisson(1.0, (len(table), replicates))
        whole = Sums(MEASURES, replicates)
        whole.add(rows, members(columns(table), SPECS, len(table)), draws)
        parts = []
        for part in (slice(0, cut), slice(cut, None)):
            sums = Sums(MEASURES, replicates)
            cells = table[part]
            some = Rows(
                len(cells),
                {"": rows.predictions[""][part]},
                {"": rows.labels[""][part]},  # type: ignore[index]  # indexed by rows
                {"": rows.weights[""][part]},  # type: ignore[index]  # indexed by rows
            )
            sums.add(some, members(columns(cells), SPECS, len(cells)), draws[part])
            parts.append(sums.to_bytes())
        read = Sums.from_bytes(merged(parts, MEASURES, replicates), MEASURES, replicates)
        assert sorted(map(str, read.slices)) == sorted(map(str, whole.slices))
        for measure in MEASURES:
            for replicate in range(-1, replicates):
                ours, theirs = read.of(measure, replicate), whole.of(measure, replicate)
                for key in whole.slices:
                    assert ours[key].cells.tolist() == theirs[key].cells.tolist()
                    np.testing.assert_allclose(ours[key].values, theirs[key].values, atol=1e-12)

    def test_a_replicate_is_the_rows_as_often_as_they_were_drawn(self) -> None:
        rows = batch(50, 3)
        draws = np.random.default_rng(4).poisson(1.0, (50, 2))
        everywhere = Members([()], np.arange(50), np.zeros(50, np.int64))
        drawn = Sums(MEASURES, 2)
        drawn.add(rows, everywhere, draws)
        for replicate in range(2):
            again = np.repeat(np.arange(50), draws[:, replicate])
            repeated = Rows(
                len(again),
                {"": rows.predictions[""][again]},
                {"": rows.labels[""][again]},  # type: ignore[index]  # indexed by rows
                {"": rows.weights[""][again]},  # type: ignore[index]  # indexed by rows
            )
            plain = Sums(MEASURES)
            plain.add(
                repeated,
                Members([()], np.arange(len(again)), np.zeros(len(again), np.int64)),
            )
            for measure in MEASURES:
                ours = drawn.of(measure, replicate)[()].values.sum(axis=0)
                np.testing.assert_allclose(ours, plain.of(measure)[()].values.sum(axis=0))

    def test_memory_is_that_of_the_sums_and_not_of_the_rows(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from taxiway.arrow.evaluator import sums as module

        monkeypatch.setattr(module, "PENDING", 100)
        kept = Sums(MEASURES)
        for seed in range(40):
            everywhere = Members([()], np.arange(50), np.zeros(50, np.int64))
            kept.add(batch(50, seed), everywhere)
        for sparse in kept._sparse:
            assert sum(values.size for values in sparse.values) <= 250
        (count,) = kept.of(MEASURES[0]).values()
        assert count.values.tolist() == [[2000.0]]


class TestFormulas:
    """Intervals."""

    def test_wilson_is_that_of_scipy(self) -> None:
        from scipy.stats import binomtest

        for successes, trials in ((0, 5), (3, 5), (5, 5), (70, 200)):
            expected = binomtest(successes, trials).proportion_ci(method="wilson")
            assert intervals.wilson(successes, trials) == pytest.approx(expected)
        assert intervals.wilson(0, 0) is None

    def test_delong_is_that_of_all_pairs_of_rows(self) -> None:
        random = np.random.default_rng(8)
        scores = np.round(random.random(80), 2)
        labels = random.random(80) < scores
        positives, negatives = scores[labels], scores[~labels]
        wins = (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)
        by_positive, by_negative = wins.mean(axis=1), wins.mean(axis=0)
        error = np.sqrt(
            by_positive.var(ddof=1) / len(positives) + by_negative.var(ddof=1) / len(negatives)
        )
        expected = wins.mean() + np.array([-1, 1]) * intervals.Z * error
        cuts = np.arange(-0.005, 1.01, 0.01)
        tp = (positives[:, None] > cuts).sum(axis=0)
        fp = (negatives[:, None] > cuts).sum(axis=0)
        assert intervals.delong(tp, fp) == pytest.approx(tuple(np.clip(expected, 0, 1)))
        assert intervals.delong(tp, np.minimum(fp, 1)) is None
