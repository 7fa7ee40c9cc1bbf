"""Comparing: what is the same in meaning passes, and each planted difference is found."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from benchmarks.same_examples import example_differences, single_values
from benchmarks.same_metrics import metric_differences
from benchmarks.same_schema import mapping_differences, schema_differences
from benchmarks.same_statistics import rank_gap, statistics_differences
from benchmarks.same_transform import transform_differences
from taxiway.errors import DataError

ROWS = 4000


class TestExamples:
    def table(self, **columns: Any) -> Any:
        return pa.table({"key": ["a", "b", "c"], "seats": [1, None, 3], **columns})

    def test_the_same_rows_are_the_same(self) -> None:
        assert example_differences(self.table(), self.table(), "train") == []

    def test_a_lost_row_is_found(self) -> None:
        (text,) = example_differences(self.table(), self.table().slice(1), "train")
        assert text == "train: 3 rows from stock, 2 from Taxiway"

    @pytest.mark.parametrize("seats", [[1, None, 4], [1, 0, 3], [1, None, None]])
    def test_another_cell_is_found_with_its_row(self, seats: list[int | None]) -> None:
        (text,) = example_differences(self.table(), self.table(seats=seats), "eval")
        assert text.startswith("eval, column 'seats': 1 rows differ; the first, by key, is ")

    def test_another_type_is_found(self) -> None:
        other = self.table(seats=pa.array([1.0, None, 3.0]))
        (text,) = example_differences(self.table(), other, "eval")
        assert "int64 from stock, double from Taxiway" in text

    def test_a_column_of_one_side_is_found(self) -> None:
        other = self.table(late=[0, 1, 0])
        assert example_differences(self.table(), other, "eval") == [
            "eval, column 'late': only Taxiway has it"
        ]

    def test_an_unset_feature_and_an_empty_list_are_both_no_value(self) -> None:
        lists = pa.array([[5], [], None, [7]], pa.large_list(pa.int64()))
        assert single_values(lists, "seats").to_pylist() == [5, None, None, 7]

    def test_several_values_are_refused(self) -> None:
        with pytest.raises(DataError, match="'seats' holds several values"):
            single_values(pa.array([[1, 2]], pa.large_list(pa.int64())), "seats")


def numbers() -> Any:
    return np.random.default_rng(1).normal(size=ROWS).round(2)


def words() -> list[str]:
    return [
        word for word, count in (("UA", 1500), ("DL", 1500), ("HA", 1000)) for _ in range(count)
    ]


def common(stats: Any, rows: int, missing: int) -> None:
    stats.num_non_missing, stats.num_missing = rows - missing, missing
    stats.min_num_values = stats.max_num_values = 1
    stats.avg_num_values, stats.tot_num_values = 1.0, rows - missing


def statistics(values: Any, texts: Sequence[str], reverse: bool = False) -> Any:
    """What TFDV says of two columns; `reverse` puts values of equal count in the other order."""
    made = statistics_pb2.DatasetFeatureStatistics(num_examples=ROWS)
    number = made.features.add(type=statistics_pb2.FeatureNameStatistics.FLOAT)
    number.path.step.append("temp")
    stats = number.num_stats
    common(stats.common_stats, ROWS, ROWS - len(values))
    stats.mean, stats.std_dev = float(np.mean(values)), float(np.std(values))
    stats.min, stats.max = float(np.min(values)), float(np.max(values))
    stats.median, stats.num_zeros = float(np.median(values)), int((values == 0).sum())
    counts, edges = np.histogram(values, 10)
    equal = stats.histograms.add(type=statistics_pb2.Histogram.STANDARD)
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        equal.buckets.add(low_value=low, high_value=high, sample_count=count)
    edges = np.quantile(values, np.linspace(0, 1, 11))
    quantiles = stats.histograms.add(type=statistics_pb2.Histogram.QUANTILES)
    for low, high in itertools.pairwise(edges):
        quantiles.buckets.add(low_value=low, high_value=high, sample_count=len(values) / 10)
    text = made.features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
    text.path.step.append("carrier")
    common(text.string_stats.common_stats, ROWS, 0)
    ranked = Counter(texts).most_common()
    text.string_stats.unique, text.string_stats.avg_length = len(ranked), 2.0
    for word, count in sorted(ranked, key=lambda one: (-one[1], one[0]), reverse=False):
        text.string_stats.top_values.add(value=word, frequency=count)
        text.string_stats.rank_histogram.buckets.add(label=word, sample_count=count)
    if reverse:  # UA and DL are as frequent as each other
        top = text.string_stats.top_values
        top[0].value, top[1].value = top[1].value, top[0].value
    return made


def differences(stock: Any, taxiway: Any, values: Any | None = None) -> list[str]:
    temp = pa.array(numbers() if values is None else values)
    columns = {"temp": temp, "carrier": pa.array(words())}
    return statistics_differences(stock, taxiway, columns, "train")


class TestStatistics:
    def test_the_same_statistics_are_the_same(self) -> None:
        one = statistics(numbers(), words())
        assert differences(one, one) == []

    def test_the_order_of_equal_counts_is_left_open(self) -> None:
        reverse = statistics(numbers(), words(), reverse=True)
        assert reverse != statistics(numbers(), words())
        assert differences(statistics(numbers(), words()), reverse) == []

    def test_sums_in_another_order_are_the_same(self) -> None:
        other = statistics(numbers(), words())
        other.features[0].num_stats.std_dev *= 1 + 1e-8
        assert differences(statistics(numbers(), words()), other) == []

    def test_a_quantile_may_be_off_within_the_sketchs_error(self) -> None:
        other = statistics(numbers(), words())
        other.features[0].num_stats.median = float(np.quantile(numbers(), 0.508))
        assert differences(statistics(numbers(), words()), other) == []

    def test_an_empty_list_counts_as_missing(self) -> None:
        values, gaps = numbers()[:-10], [None] * 10
        one, other = statistics(values, words()), statistics(values, words())
        stats = one.features[0].num_stats.common_stats
        stats.num_non_missing, stats.num_missing = ROWS, 0
        stats.min_num_values, stats.avg_num_values = 0, (ROWS - 10) / ROWS
        assert differences(one, other, [*values, *gaps]) == []

    @pytest.mark.parametrize(
        ("field", "value"),
        [("mean", 0.1), ("std_dev", 2.0), ("min", -9.0), ("max", 9.0), ("num_zeros", 1)],
    )
    def test_another_number_is_found(self, field: str, value: float) -> None:
        other = statistics(numbers(), words())
        setattr(other.features[0].num_stats, field, value)
        (text,) = differences(statistics(numbers(), words()), other)
        assert text.startswith(f"train, column 'temp': {field} is ")

    def test_a_number_that_is_off_by_a_hundred_thousandth_is_found(self) -> None:
        other = statistics(numbers() + 100, words())
        one = statistics(numbers() + 100, words())
        other.features[0].num_stats.mean *= 1 + 1e-5
        (text,) = differences(one, other, numbers() + 100)
        assert "mean" in text

    def test_a_missing_cell_more_is_found(self) -> None:
        other = statistics(numbers(), words())
        other.features[1].string_stats.common_stats.num_missing = 1
        assert differences(statistics(numbers(), words()), other) == [
            "train, column 'carrier': num_missing is 0 in stock, 1 here"
        ]

    def test_a_median_beyond_the_sketchs_error_is_found(self) -> None:
        other = statistics(numbers(), words())
        other.features[0].num_stats.median = float(np.quantile(numbers(), 0.53))
        (text,) = differences(statistics(numbers(), words()), other)
        assert "off in rank (Taxiway)" in text

    @pytest.mark.parametrize("kind", [0, 1])
    def test_a_shifted_histogram_is_found(self, kind: int) -> None:
        other = statistics(numbers(), words())
        buckets = other.features[0].num_stats.histograms[kind].buckets
        moved = buckets[4].sample_count * 0.4
        buckets[4].sample_count -= moved
        buckets[5].sample_count += moved
        buckets[4].high_value += 0.3
        (text,) = differences(statistics(numbers(), words()), other)
        assert "a histogram is" in text

    def test_a_histogram_that_lost_values_is_found(self) -> None:
        other = statistics(numbers(), words())
        other.features[0].num_stats.histograms[0].buckets[4].sample_count -= 40
        assert any("a histogram counts" in one for one in differences(other, other))

    def test_a_histogram_of_one_side_is_found(self) -> None:
        other = statistics(numbers(), words())
        del other.features[0].num_stats.histograms[1]
        (text,) = differences(statistics(numbers(), words()), other)
        assert "histograms of kinds [0]" in text

    def test_a_wrong_count_of_a_value_is_found(self) -> None:
        other = statistics(numbers(), words())
        other.features[1].string_stats.top_values[2].frequency += 1
        (text,) = differences(statistics(numbers(), words()), other)
        assert "'HA' counted 1001 times, 1000 in the rows" in text

    def test_a_lost_unique_value_is_found(self) -> None:
        other = statistics(numbers(), words())
        other.features[1].string_stats.unique -= 1
        del other.features[1].string_stats.top_values[2]
        texts = differences(statistics(numbers(), words()), other)
        assert any("2 unique values, 3 in the rows" in text for text in texts)
        assert any("top_values has 3 entries in stock, 2 here" in text for text in texts)

    def test_a_lost_column_and_a_lost_row_are_found(self) -> None:
        one, other = statistics(numbers(), words()), statistics(numbers(), words())
        del other.features[1]
        assert "['carrier'] are in one of the two only" in differences(one, other)[0]
        other.num_examples -= 1
        assert "4000 examples in stock, 3999 here" in differences(one, other)[0]

    def test_another_type_is_found(self) -> None:
        other = statistics(numbers(), words())
        other.features[0].type = statistics_pb2.FeatureNameStatistics.INT
        (text,) = differences(statistics(numbers(), words()), other)
        assert "type 1 (num_stats) in stock, 0 here" in text

    def test_a_value_stands_for_every_rank_its_equals_take(self) -> None:
        ordered = np.array([0.0] * 93 + [1.0] * 7)
        assert rank_gap(ordered, 0.0, 0.5) == rank_gap(ordered, 1.0, 0.95) == 0.0
        assert rank_gap(ordered, 1.0, 0.5) == pytest.approx(0.43)
        assert rank_gap(ordered, 0.0, 1.0) == pytest.approx(0.07)


class TestMetrics:
    def test_equal_is_within_a_millionth(self) -> None:
        one = {"overall": {"auc": 0.7, "example_count": 10.0}}
        other = {"overall": {"auc": 0.7000005, "example_count": 10.0}}
        assert metric_differences(one, other) == []

    @pytest.mark.parametrize(
        ("other", "found"),
        [
            ({"overall": {"auc": 0.70001}}, "auc of overall: 0.7 from stock, 0.70001 from Taxiway"),
            ({"overall": {}}, "auc of overall: 0.7 from stock, None from Taxiway"),
            ({}, "slice overall: only stock has it"),
            ({"overall": {"auc": 0.7}, "x=1": {}}, "slice x=1: only Taxiway has it"),
        ],
    )
    def test_a_difference_is_found(self, other: dict[str, dict[str, float]], found: str) -> None:
        assert metric_differences({"overall": {"auc": 0.7}}, other) == [found]


class TestSchema:
    def schema(self, *values: str, name: str = "carrier") -> Any:
        made = schema_pb2.Schema()
        feature = made.feature.add(name=name, type=schema_pb2.BYTES)
        feature.string_domain.value.extend(values)
        return made

    def test_the_order_of_a_domain_is_left_open(self) -> None:
        assert schema_differences(self.schema("UA", "DL"), self.schema("DL", "UA")) == []

    def test_another_domain_or_feature_is_found(self) -> None:
        (text,) = schema_differences(self.schema("UA"), self.schema("DL"))
        assert text.startswith("'carrier' is ")
        assert len(schema_differences(self.schema("UA"), self.schema("UA", name="origin"))) == 2

    def test_an_anomaly_of_one_side_is_found(self) -> None:
        assert mapping_differences({"temp": "severity 2"}, {}) == [
            "'temp' is 'severity 2' by stock, None by Taxiway"
        ]


class TestTransform:
    def test_equal_is_within_a_millionth(self) -> None:
        one = {"temp_xf": np.array([1.0, 2.0], np.float32)}
        assert transform_differences(one, {"temp_xf": one["temp_xf"] + np.float32(5e-7)}) == []

    @pytest.mark.parametrize(
        ("other", "found"),
        [
            ({"temp_xf": np.array([1.0, 2.5], np.float32)}, "'temp_xf' differs by up to 0.5"),
            ({"temp_xf": np.array([1.0], np.float32)}, "'temp_xf' is float32(2,) in stock"),
            ({}, "columns ['temp_xf'] are in one of the two only"),
        ],
    )
    def test_a_difference_is_found(self, other: dict[str, Any], found: str) -> None:
        one = {"temp_xf": np.array([1.0, 2.0], np.float32)}
        (text,) = transform_differences(one, other)
        assert text.startswith(found)


def test_compression_is_told_from_the_files_themselves(tmp_path: Path) -> None:
    import gzip

    from benchmarks.artifacts import compression

    (tmp_path / "plain.gz").write_bytes(b"\x10\0\0\0\0\0\0\0rest")
    (tmp_path / "packed").write_bytes(gzip.compress(b"rest"))
    assert compression([str(tmp_path / "plain.gz")]) == ""
    assert compression([str(tmp_path / "packed")]) == "GZIP"
    assert compression([]) == ""
