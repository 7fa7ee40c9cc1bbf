"""Several classes and a number through the whole pipeline, from raw rows to what is served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tests.pipelines.conftest import TaskRun

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.one_stack,
    pytest.mark.xdist_group("task_runs"),
]


def answers(run: TaskRun) -> Mapping[str, np.ndarray]:
    """What the pushed model says of rows that it has not seen, by the worker."""
    from taxiway.serving.worker.client import ModelWorker
    from tests.taxiway.modeling.tasks.small import examples

    with ModelWorker(run.report["pushed_to"], isolation="best_effort") as worker:
        return dict(worker.predict_examples(examples(run.unseen)))


@pytest.mark.parametrize("name", ["species", "fare"])
def test_the_model_is_blessed_pushed_and_registered(
    task_runs: Mapping[str, TaskRun], name: str
) -> None:
    report: Mapping[str, Any] = task_runs[name].report
    assert report["outcome"] == "succeeded"
    assert report["evaluation"]["blessed"]
    assert report["infra"]["blessed"]
    assert report["version"] == "1.0.0"


def test_several_classes_are_served_by_name(task_runs: Mapping[str, TaskRun]) -> None:
    found = answers(task_runs["species"])
    truth = task_runs["species"].unseen["species"]
    assert found["probabilities"].shape == (len(truth), 3)
    np.testing.assert_allclose(found["probabilities"].sum(axis=1), 1.0, atol=1e-6)
    names = np.array([name.decode() for name in found["class"]])
    assert (names == truth).mean() > 0.95


def test_a_number_is_served_in_its_own_unit(task_runs: Mapping[str, TaskRun]) -> None:
    run = task_runs["fare"]
    apart = answers(run)["value"] - run.unseen["fare"]
    assert np.sqrt(np.mean(apart**2)) < 0.4 * run.unseen["fare"].std()
