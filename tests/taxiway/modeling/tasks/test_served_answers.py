"""What a model of each task answers, recomputed from its weights, whichever way it is asked."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from taxiway.modeling.exported.operations import check_model
from tests.taxiway.modeling.tasks.small import SPECIES, Small, Table, examples, penguins, rides

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("tasks")]

MADE = {"of_penguins": penguins, "of_tips": rides, "of_fares": rides}
ROWS = 200


@pytest.fixture(params=MADE)
def asked(request: pytest.FixtureRequest) -> tuple[Small, Table]:
    """A model, and rows that it has not seen."""
    return request.getfixturevalue(request.param), MADE[request.param](ROWS, seed=7)


@functools.cache
def loaded(folder: Any) -> Any:
    import tensorflow as tf

    return tf.saved_model.load(str(folder))


def ask(model: Small, signature: str, table: Table, name: str = "examples") -> dict[str, Any]:
    import tensorflow as tf

    serialized = tf.constant(examples(table))
    answers = loaded(model.model).signatures[signature](**{name: serialized})
    return {key: value.numpy() for key, value in answers.items()}


def recomputed(model: Small, table: Table) -> dict[str, np.ndarray]:
    """Logits from transformed rows and weights by numpy, in float64, and the answers of them."""
    columns, layer = model.transformed(table).columns, model.network.get_layer
    parts = []
    for column in model.spec.columns:
        for output in column.outputs():
            value = columns[output.name]
            if output.embedded:
                (vectors,) = layer(f"{output.name}_embedding").get_weights()
                value = vectors[value.reshape(-1)]
            parts.append(value.astype(np.float64))
    hidden = np.concatenate(parts, axis=1)
    dense = [one for one in model.network.layers if type(one).__name__ == "Dense"]
    for one in dense:
        kernel, bias = (weights.astype(np.float64) for weights in one.get_weights())
        hidden = hidden @ kernel + bias
        hidden = hidden if one.name == "logit" else np.maximum(hidden, 0.0)
    return ANSWERS[type(model.spec.task).__name__](hidden, model.head)


def of_classes(logits: np.ndarray, head: Any) -> dict[str, np.ndarray]:
    odds = np.exp(logits) / head.weights
    shares = odds / odds.sum(axis=1, keepdims=True)
    names = np.array([name.encode() for name in head.classes], dtype=object)
    return {"probabilities": shares, "class": names[shares.argmax(axis=1)]}


def of_two(logits: np.ndarray, head: Any) -> dict[str, np.ndarray]:
    odds = np.exp(logits.reshape(-1)) / head.positive_weight
    return {"probability": odds / (1 + odds)}


def of_number(logits: np.ndarray, head: Any) -> dict[str, np.ndarray]:
    return {"value": logits.reshape(-1) * head.deviation + head.mean}


ANSWERS = {"MultiClass": of_classes, "Binary": of_two, "Regression": of_number}


def check_same(found: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray]) -> None:
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        if values.dtype == object:
            assert found[name].tolist() == values.tolist()
            continue
        assert found[name].shape == values.shape
        apart = np.abs(found[name] - values) / np.maximum(1.0, np.abs(values))
        assert apart.max() < 1e-6, name


def test_examples_columns_and_the_worker_give_what_the_weights_say(
    asked: tuple[Small, Table],
) -> None:
    from taxiway.serving.worker.client import ModelWorker

    model, table = asked
    wanted = recomputed(model, table)
    check_same(ask(model, "serving_default", table), wanted)
    with ModelWorker(model.model, isolation="best_effort") as worker:
        check_same(worker.predict_examples(examples(table)), wanted)
        columns = {name: [plain(v) for v in table[name]] for name in model.spec.inputs()}
        check_same(worker.predict_columns(columns), wanted)


def plain(value: Any) -> Any:
    """As JSON has it, rounded as tf.Examples are; null for a missing value."""
    one = value.item()
    if isinstance(one, float):
        return None if one != one else float(np.float32(one))
    return one or None if isinstance(one, str) else one


def test_a_model_of_any_task_has_operations_that_are_allowed(asked: tuple[Small, Table]) -> None:
    check_model(asked[0].model)


def test_the_labels_are_those_that_were_learned(asked: tuple[Small, Table]) -> None:
    model, table = asked
    found = ask(model, "labels", table)
    wanted = {
        "species": [SPECIES.index(name) for name in table.get("species", [])],
        "tipped": [int(word == "yes") for word in table.get("tipped", [])],
        "fare": np.float32(table.get("fare", [])).tolist(),
    }[model.spec.label]
    assert {name: values.tolist() for name, values in found.items()} == {model.spec.label: wanted}


def test_tensorflow_serving_classifies_with_all_classes_and_their_scores(
    of_penguins: Small, of_tips: Small
) -> None:
    table = penguins(20, seed=7)
    found = ask(of_penguins, "classify", table, "inputs")
    assert found["classes"].tolist() == [[name.encode() for name in SPECIES]] * 20
    np.testing.assert_array_equal(
        found["scores"], ask(of_penguins, "serving_default", table)["probabilities"]
    )
    table = rides(20, seed=7)
    found = ask(of_tips, "classify", table, "inputs")
    probability = ask(of_tips, "serving_default", table)["probability"]
    assert found["classes"].tolist() == [[b"not yes", b"yes"]] * 20
    np.testing.assert_array_equal(found["scores"], np.stack([1 - probability, probability], axis=1))


def test_tensorflow_serving_regresses(of_fares: Small) -> None:
    table = rides(20, seed=7)
    found = ask(of_fares, "regress", table, "inputs")
    value = ask(of_fares, "serving_default", table)["value"]
    np.testing.assert_array_equal(found["outputs"], value)


def test_the_method_names_are_those_that_tensorflow_serving_asks_for(
    asked: tuple[Small, Table],
) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    content = (asked[0].model / "saved_model.pb").read_bytes()
    (graph,) = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    methods = {name: one.method_name for name, one in graph.signature_def.items()}
    kind = "regress" if asked[0].head.signature == "regress" else "classify"
    assert methods.pop(kind) == f"tensorflow/serving/{kind}"
    assert methods.pop("__saved_model_init_op", "") == ""
    assert set(methods) == {"serving_default", "serving_columns", "transform_features", "labels"}
    assert set(methods.values()) == {"tensorflow/serving/predict"}


@pytest.mark.parametrize(
    ("model", "column", "value", "told"),
    [
        ("of_penguins", "species", "Emperor", "expected one of Adélie, Chinstrap, Gentoo, got"),
        ("of_penguins", "species", "", "expected one of Adélie, Chinstrap, Gentoo, got"),
        ("of_fares", "fare", np.nan, "expected a finite number, got"),
    ],
)
def test_a_label_that_is_none_ends_in_an_error_with_what_was_expected(
    request: pytest.FixtureRequest, model: str, column: str, value: Any, told: str
) -> None:
    table = dict(MADE[model](5, seed=7))
    table[column] = np.array([*table[column][:4], value])
    with pytest.raises(Exception, match=f"label {column}: {told}"):
        ask(request.getfixturevalue(model), "labels", table)
