"""TFMA's side of our own metrics: parts that are merged give what the whole gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.pipeline
RANDOM = np.random.default_rng(4)
NUMBERS = [(RANDOM.normal(), RANDOM.normal(), RANDOM.random()) for _ in range(40)]
CLASSES = [(i % 3, RANDOM.dirichlet(np.ones(3)), RANDOM.random()) for i in range(40)]
CHANCES = [(i % 2, RANDOM.random(), RANDOM.random()) for i in range(40)]


@pytest.mark.parametrize(
    ("kind", "options", "rows"),
    [
        ("R2", {}, NUMBERS),
        ("D2LogLoss", {}, CLASSES),
        ("D2LogLoss", {}, CHANCES),
        ("OctavePlot", {"of": "prediction"}, NUMBERS),
        ("OctavePlot", {"of": "residual"}, NUMBERS),
    ],
)
def test_parts_give_what_the_whole_gives(kind: str, options: Any, rows: Any) -> None:
    from taxiway.evaluation import skill

    metric = getattr(skill, kind)(**options)
    (computation,) = metric.computations(example_weighted=True)
    combiner = computation.combiner
    whole, parts = summed(combiner, rows), [summed(combiner, rows[:9]), summed(combiner, rows[9:])]
    parts.append(combiner.create_accumulator())
    ((key, expected),) = combiner.extract_output(whole).items()
    ((again, found),) = combiner.extract_output(combiner.merge_accumulators(parts)).items()
    assert key == again
    assert (key.name, key.example_weighted) == (metric.name, True)
    if kind == "OctavePlot":
        assert len(found.buckets) == len(expected.buckets) > 10
        for one, other in zip(found.buckets, expected.buckets, strict=True):
            assert one.lower_threshold_inclusive == other.lower_threshold_inclusive
            assert one.num_weighted_examples.value == pytest.approx(
                other.num_weighted_examples.value
            )
    else:
        assert found == pytest.approx(expected)


def test_a_label_that_is_no_class_ends_the_evaluation() -> None:
    from taxiway.evaluation.skill import D2LogLoss

    (computation,) = D2LogLoss().computations()
    with pytest.raises(ValueError, match="label -1 is none of the 3 classes of a model"):
        summed(computation.combiner, [(-1, np.ones(3) / 3, 1.0)])


def test_without_rows_there_is_no_value() -> None:
    from taxiway.evaluation.skill import R2

    (computation,) = R2().computations()
    ((_, value),) = computation.combiner.extract_output({}).items()
    assert np.isnan(value)


def summed(combiner: Any, rows: Any) -> Any:
    from tensorflow_model_analysis.metrics import metric_types

    sums = combiner.create_accumulator()
    for label, prediction, weight in rows:
        row = metric_types.StandardMetricInputs(
            label=np.array([label]),
            prediction=np.atleast_1d(prediction),
            example_weight=np.array([weight]),
        )
        sums = combiner.add_input(sums, row)
    return sums
