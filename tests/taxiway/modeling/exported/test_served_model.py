"""The exported model: probabilities for any row, the same ones whichever way the row comes in."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.taxiway.modeling.conftest import zero_or_one
from tests.tiny.features import SPEC

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("pipeline")]

REPOSITORY = Path(__file__).parents[3]
CLOSE = {"rtol": 0, "atol": 1e-6}
AUC_FLOOR = 0.55


def check_probabilities(found: np.ndarray, rows: int) -> None:
    assert (found.dtype, found.shape) == (np.float32, (rows,))
    assert ((found >= 0) & (found <= 1)).all()  # NaN is neither


@pytest.fixture(scope="module")
def eval_probabilities(trained: Any, served: Any) -> np.ndarray:
    """What `serving_default` says of the eval split."""
    found: np.ndarray = served.by_serialized(trained.raw("eval"))
    return found


@pytest.fixture(scope="module")
def eval_labels(eval_rows: list[dict[str, Any]]) -> np.ndarray:
    return np.array([row[SPEC.label] for row in eval_rows])


def test_the_signatures_are_those_promised(served: Any) -> None:
    described = {
        name: (
            {key: (spec.dtype.name, spec.shape.as_list()) for key, spec in inputs.items()},
            set(signature.structured_outputs),
        )
        for name, signature in served.model.signatures.items()
        for inputs in [signature.structured_input_signature[1]]
    }
    examples = {"examples": ("string", [None])}
    columns = {
        name: ("float32" if name in SPEC.numbers() else "string", [None]) for name in SPEC.inputs()
    }
    assert described.pop("serving_default") == (examples, {"probability"})
    assert described.pop("serving_columns") == (columns, {"probability"})
    assert described.pop("transform_features")[0] == examples
    assert described.pop("labels") == (examples, {SPEC.label})
    inputs = {"inputs": ("string", [None])}
    assert described.pop("classify") == (inputs, {"classes", "scores"})
    assert described == {}


def test_what_is_served_carries_no_optimizer(trained: Any) -> None:
    import tensorflow as tf

    checkpoint = str(trained.model / "variables" / "variables")
    names = [name for name, _ in tf.train.list_variables(checkpoint)]
    assert any("kernel" in name or "_network" in name for name in names)
    assert not [name for name in names if "optimizer" in name]


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_any_row_gets_the_same_probability_as_example_and_as_columns(
    data: st.DataObject, raw_rows: st.SearchStrategy[list[Any]], served: Any
) -> None:
    rows = data.draw(raw_rows)
    by_example, by_columns = served.by_example(rows), served.by_columns(rows)
    check_probabilities(by_example, len(rows))
    check_probabilities(by_columns, len(rows))
    np.testing.assert_allclose(by_columns, by_example, **CLOSE)


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_a_row_is_judged_alone(
    data: st.DataObject, raw_rows: st.SearchStrategy[list[Any]], served: Any
) -> None:
    rows = data.draw(raw_rows)
    alone = [served.by_example([row]).item() for row in rows]
    np.testing.assert_allclose(served.by_example(rows), alone, **CLOSE)


def test_no_rows_give_no_probabilities(served: Any) -> None:
    check_probabilities(served.by_example([]), 0)
    check_probabilities(served.by_columns([]), 0)
    assert {len(column) for column in served.transform([]).values()} == {0}


def test_a_row_without_any_column_still_gets_a_probability(served: Any) -> None:
    check_probabilities(served.by_example([{}]), 1)
    np.testing.assert_allclose(served.by_columns([{}]), served.by_example([{}]), **CLOSE)


@pytest.mark.parametrize("name", ["hour", "truck_age"])
@pytest.mark.parametrize(("huge", "whole"), [(1e30, 2**63 - 1), (-1e30, -(2**63))])
def test_a_number_beyond_whole_numbers_is_as_the_largest_of_its_sign(
    served: Any, name: str, huge: float, whole: int
) -> None:
    found = served.by_columns([{name: huge}])
    np.testing.assert_allclose(found, served.by_example([{name: whole}]), **CLOSE)


@pytest.mark.parametrize("number", [math.inf, -math.inf, 0.5])
def test_what_is_no_whole_number_is_refused_with_its_column(served: Any, number: float) -> None:
    told = rf"column truck_age: expected whole numbers, got\] \[{number:g}\]"
    with pytest.raises(Exception, match=told):
        served.by_columns([{"truck_age": number}])


def test_serving_gives_the_rows_of_the_eval_split_what_the_batch_path_gives(
    trained: Any, served: Any, eval_rows: list[Any], eval_probabilities: np.ndarray, tmp_path: Path
) -> None:
    np.testing.assert_allclose(served.by_columns(eval_rows), eval_probabilities, **CLOSE)

    from taxiway.modeling.tasks.binary import positive_weight
    from taxiway.modeling.training.dataset import store_rows
    from taxiway.modeling.training.network import build_network

    # What Transform wrote, in its own order, through the network built anew around the weights.
    hyperparameters = trained.config.model.hyperparameters
    network = build_network(SPEC, hyperparameters)
    variables = served.model.signatures["serving_default"].variables
    network.set_weights([variable.numpy() for variable in variables])
    learned = store_rows(
        [trained.transformed("train")],
        zero_or_one(SPEC.label),
        tmp_path,
        hyperparameters.validation_fraction,
        hyperparameters.seed,
    )
    weights = learned.learned.weights
    weight = positive_weight(hyperparameters, weights[1] / sum(weights))
    batch = trained.transformed("eval").columns
    logit = network.predict(batch, batch_size=512, verbose=0).reshape(-1) - math.log(weight)
    by_batch = 1 / (1 + np.exp(-logit.astype(np.float64)))

    online = served.transform_serialized(trained.raw("eval"))
    left = content(batch)
    right = content({name: online[name] for name in batch})
    assert [left[row] for row in np.argsort(left)] == [right[row] for row in np.argsort(right)]
    np.testing.assert_allclose(
        by_batch[np.argsort(left, kind="stable")],
        eval_probabilities[np.argsort(right, kind="stable")],
        **CLOSE,
    )


def content(columns: dict[str, np.ndarray]) -> np.ndarray:
    """Each row of transformed columns as one string of bytes."""
    rows = len(next(iter(columns.values())))
    parts = [columns[name].reshape(rows, -1).astype(np.float32) for name in sorted(columns)]
    whole = np.concatenate(parts, axis=1) + np.float32(0)  # -0.0 and 0.0 are the same number
    return np.array([row.tobytes().hex() for row in whole])


def test_a_fresh_process_gives_the_same_probabilities(
    trained: Any, eval_rows: list[Any], eval_probabilities: np.ndarray
) -> None:
    rows = eval_rows[:200]
    columns = {name: [plain(row.get(name)) for row in rows] for name in SPEC.inputs()}
    command = [sys.executable, "-m", "taxiway.serving.worker", "--model", str(trained.model)]
    done = subprocess.run(
        [*command, "--once", json.dumps(columns)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["probability"]
    np.testing.assert_allclose(found, eval_probabilities[:200], **CLOSE)


def plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def test_the_probabilities_of_the_train_split_add_up_to_its_positives(
    trained: Any, served: Any, train_rows: list[Any]
) -> None:
    rate = np.mean([row[SPEC.label] for row in train_rows])
    assert rate < 0.3  # unbalanced, so that uncorrected weights would show
    mean = served.by_serialized(trained.raw("train")).mean()
    assert mean == pytest.approx(rate, rel=0.1)


@pytest.mark.parametrize("name", ["region", "service"])
def test_every_slice_with_enough_rows_is_ranked_better_than_by_chance(
    trained: Any,
    eval_rows: list[Any],
    eval_labels: np.ndarray,
    eval_probabilities: np.ndarray,
    name: str,
) -> None:
    from sklearn.metrics import roc_auc_score

    assert roc_auc_score(eval_labels, eval_probabilities) > 0.65
    aucs = {}
    of_row = np.array([plain(row[name]) for row in eval_rows])
    for value in sorted(set(of_row)):
        here = of_row == value
        if here.sum() >= trained.config.evaluation.min_slice_rows:
            aucs[value] = roc_auc_score(eval_labels[here], eval_probabilities[here])
    assert len(aucs) >= 3
    assert min(aucs.values()) > AUC_FLOOR, described(aucs)


def described(aucs: dict[str, float]) -> str:
    worst: Sequence[tuple[str, float]] = sorted(aucs.items(), key=lambda pair: pair[1])
    return ", ".join(f"{name}: {auc:.3f}" for name, auc in worst)
