"""Drift: none between the halves of one column, however long its tail; and a shift is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.data_gate.drift import drift_config
from components.data_gate.logic import read_findings
from taxiway.config.gates import DataGate
from taxiway.modeling.spec import (
    Binary,
    Categorical,
    Crossed,
    FeatureSpec,
    Multivalent,
    Numeric,
    Quantiles,
    Timestamp,
)

pytestmark = pytest.mark.pipeline

ROWS = 12_000
Draw = Callable[[Any], Any]
COLUMNS: Mapping[str, Draw] = {
    "a long tail": lambda random: random.pareto(1.0, ROWS),
    "a longer one": lambda random: random.lognormal(0, 3, ROWS),
    "below zero": lambda random: -random.pareto(0.7, ROWS),
    "two tails": lambda random: random.standard_cauchy(ROWS),
    "one outlier": lambda random: np.append(random.integers(0, 10, ROWS - 1) * 1.0, 1e9),
    "zeros and a tail": lambda random: np.where(
        random.random(ROWS) < 0.97, 0.0, random.pareto(1, ROWS)
    ),
    "half is missing": lambda random: np.where(
        random.random(ROWS) < 0.5, np.nan, random.pareto(1, ROWS)
    ),
    "bell": lambda random: random.normal(size=ROWS),
    "days": lambda random: random.integers(0, 7, ROWS),
    "digits": lambda random: random.integers(0, 10, ROWS),
    "rare ones": lambda random: (random.random(ROWS) < 0.01) * 1.0,
    "constant": lambda random: np.full(ROWS, 3.0),
}
SHIFTED: Mapping[str, Draw] = {
    "a long tail": lambda values: values * 4 + 2,
    "a longer one": lambda values: values * 500,
    "below zero": lambda values: values * 50,
    "two tails": lambda values: values * 50,
    "one outlier": lambda values: np.where(values < 100, values + 8, values),
    "zeros and a tail": lambda values: values + 1,
    "half is missing": lambda values: values * 20,
    "bell": lambda values: values + 2,
    "days": lambda values: values + 5,
    "digits": lambda values: values // 4,
    "rare ones": lambda values: 1 - values,
    "constant": lambda values: values + 1e-3,
}


def rows(count: int | None = None) -> Any:
    import pandas as pd

    random = np.random.default_rng(11)
    return pd.DataFrame({name: draw(random) for name, draw in COLUMNS.items()}).sample(
        n=count or ROWS, random_state=3
    )


def drifted(train: Any, evaluated: Any, folder: Path) -> dict[str, str]:
    """What the component finds, by column."""
    import tensorflow_data_validation as tfdv
    from tfx.types import artifact_utils
    from tfx.types.standard_artifacts import ExampleAnomalies, ExampleStatistics
    from tfx.types.standard_component_specs import DISTRIBUTION_VALIDATOR_CONFIG_KEY
    from tfx.utils import json_utils

    from components.distribution_validator.executor import Executor
    from taxiway.arrow.statistics_gen.options import QUANTILES

    options = tfdv.StatsOptions(num_quantiles_histogram_buckets=QUANTILES)
    statistics, anomalies = ExampleStatistics(), ExampleAnomalies()
    statistics.uri, anomalies.uri = str(folder / "statistics"), str(folder / "anomalies")
    statistics.split_names = artifact_utils.encode_split_names(["train", "eval"])
    for name, frame in (("train", train), ("eval", evaluated)):
        made = tfdv.generate_statistics_from_dataframe(frame.reset_index(drop=True), options)
        path = folder / "statistics" / f"Split-{name}" / "FeatureStats.pb"
        path.parent.mkdir(parents=True)
        path.write_bytes(made.SerializeToString())
    before = {path: path.read_bytes() for path in folder.rglob("*.pb")}
    spec = FeatureSpec(Binary("late"), "id", tuple(map(Numeric, COLUMNS)))
    Executor().Do(
        {"statistics": [statistics], "baseline_statistics": [statistics]},
        {"anomalies": [anomalies]},
        {
            DISTRIBUTION_VALIDATOR_CONFIG_KEY: drift_config(DataGate(), spec, "no such schema"),
            "include_split_pairs": json_utils.dumps([("eval", "train")]),
        },
    )
    assert {path: path.read_bytes() for path in before} == before
    found = read_findings(folder / "anomalies", "drift")
    return {finding.column: finding.description for finding in found}


@pytest.mark.parametrize("count", [400, ROWS])
def test_the_parts_of_one_column_do_not_differ(tmp_path: Path, count: int) -> None:
    whole = rows(count)
    is_eval = np.random.default_rng(5).random(len(whole)) < 0.2
    assert drifted(whole[~is_eval], whole[is_eval], tmp_path) == {}


def test_a_column_that_has_moved_is_told(tmp_path: Path) -> None:
    whole = rows()
    is_eval = np.random.default_rng(5).random(len(whole)) < 0.2
    moved = whole[is_eval].apply(lambda column: SHIFTED[column.name](column))
    found = drifted(whole[~is_eval], moved, tmp_path)
    assert sorted(found) == sorted(COLUMNS)
    assert "Jensen-Shannon divergence" in found["a long tail"]


def test_a_column_without_values_in_one_split_is_told_as_not_compared(tmp_path: Path) -> None:
    whole = rows(400)
    gone = whole.assign(bell=np.nan)
    found = drifted(whole, gone, tmp_path)
    assert list(found) == ["bell"]


def test_bins_hold_the_same_rows_in_every_split() -> None:
    """Exactly, where the quantiles are exact: ten values, a tenth of the rows each."""
    from tensorflow_metadata.proto.v0 import statistics_pb2

    from components.distribution_validator.histograms import BINS, align_histograms

    histogram = statistics_pb2.Histogram
    splits = []
    for total, shift in ((100.0, 0), (10.0, 1)):
        split = statistics_pb2.DatasetFeatureStatistics()
        feature = split.features.add(type="FLOAT")
        feature.path.step.append("digits")
        made = feature.num_stats.histograms.add(type=histogram.QUANTILES)
        for value in range(10):
            made.buckets.add(
                low_value=value + shift, high_value=value + shift, sample_count=total / 10
            )
        splits.append(split)
    align_histograms(splits)
    counted = []
    for split in splits:
        standard, quantiles = split.features[0].num_stats.histograms
        assert (standard.type, quantiles.type) == (histogram.STANDARD, histogram.QUANTILES)
        counted.append([bucket.sample_count for bucket in standard.buckets])
    assert counted[0] == pytest.approx([10.0] * 10 + [0.0])
    assert counted[1] == pytest.approx([0.0] + [1.0] * 10)
    assert len(counted[0]) <= BINS


@pytest.fixture
def schema(tmp_path: Path) -> str:
    kinds = {"code": "INT", "when": "INT", "word": "BYTES", "tags": "BYTES", "real": "FLOAT"}
    path = tmp_path / "schema.pbtxt"
    path.write_text("".join(f'feature {{ name: "{n}" type: {k} }}\n' for n, k in kinds.items()))
    return str(path)


def test_whole_numbers_that_are_categories_are_compared_as_numbers(schema: str) -> None:
    columns = (
        Categorical("code"),
        Timestamp("when"),
        Crossed(("word", "code")),
        Multivalent("tags"),
        Quantiles("real"),
    )
    config = drift_config(DataGate(), FeatureSpec(Binary("y"), None, columns), schema)
    measures = {
        feature.path.step[0]: [
            field.name for field, _ in feature.distribution_comparator.ListFields()
        ]
        for feature in config.default_slice_config.feature
    }
    number, text = ["jensen_shannon_divergence"], ["infinity_norm"]
    assert measures == {"code": number, "when": number, "real": number, "word": text, "tags": text}
