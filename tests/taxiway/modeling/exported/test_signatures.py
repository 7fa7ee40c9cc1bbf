"""A request is parsed by the schema of the fork, be its columns declared ragged or fixed."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.modeling.spec import Binary, Categorical, FeatureSpec, Numeric
from tests.taxiway.modeling.conftest import weighted, zero_or_one

pytestmark = pytest.mark.pipeline

SPEC = FeatureSpec(Binary("y"), "id", (Numeric("real"), Numeric("whole"), Categorical("word")))


def raw_spec(shape: list[int] | None) -> dict[str, Any]:
    """How tf.Transform parses the columns; None stands for columns that may have no value."""
    import tensorflow as tf

    kinds = {"y": tf.int64, "real": tf.float32, "whole": tf.int64, "word": tf.string}
    if shape is None:
        return {name: tf.io.VarLenFeature(dtype) for name, dtype in kinds.items()}
    return {name: tf.io.FixedLenFeature(shape, dtype) for name, dtype in kinds.items()}


def echo(features: dict[str, Any]) -> Any:
    """A transform graph that hands out the raw columns, NaN and "" where they have no value."""
    import tensorflow as tf

    def dense(value: Any) -> Any:
        if isinstance(value, tf.SparseTensor):
            rows = tf.SparseTensor(value.indices, value.values, [value.dense_shape[0], 1])
            missing = {tf.string: "", tf.int64: -1}.get(value.dtype, math.nan)
            value = tf.sparse.to_dense(rows, tf.constant(missing, value.dtype))
        return tf.reshape(value, [-1])

    def signature(feature: Any) -> Any:
        if isinstance(feature, tf.io.VarLenFeature):
            return tf.SparseTensorSpec([None, None], feature.dtype)
        return tf.TensorSpec([None, *feature.shape], feature.dtype)

    module = tf.Module()
    module.transform_fn = tf.function(
        lambda raw: {name: dense(value) for name, value in raw.items()},
        input_signature=[{name: signature(feature) for name, feature in features.items()}],
    )
    return module


@pytest.fixture(params=[None, [], [1]], ids=["ragged", "scalar", "vector"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A saved model whose logit is `real + whole + 100 * (word is "a")`."""
    import tensorflow as tf

    from taxiway.modeling.exported.signatures import ServedModel

    features = raw_spec(request.param)
    tf.saved_model.save(echo(features), str(tmp_path / "transform"))

    def network(columns: dict[str, Any], training: bool) -> Any:
        assert not training
        assert set(columns) == {"real", "whole", "word"}
        known = tf.cast(columns["word"] == "a", tf.float32)
        return columns["real"] + tf.cast(columns["whole"], tf.float32) + 100 * known

    graph, head = str(tmp_path / "transform"), weighted(math.exp(-0.25))
    served = ServedModel(SPEC, zero_or_one(), graph, features, network, head)
    served.save(str(tmp_path / "model"))
    return tf.saved_model.load(str(tmp_path / "model"))


@pytest.fixture
def ask(model: Any) -> Callable[..., list[float]]:
    import tensorflow as tf

    def columns(real: list[float], whole: list[float], word: list[str]) -> list[float]:
        answer = model.signatures["serving_columns"](
            real=tf.constant(real, tf.float32),
            whole=tf.constant(whole, tf.float32),
            word=tf.constant(word, tf.string),
        )
        found: list[float] = answer["probability"].numpy().tolist()
        return found

    return columns


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def test_plain_columns_reach_the_network_and_the_shift_is_added(ask: Callable[..., Any]) -> None:
    found = ask([0.5, -2.0, 0.0], [1.0, 1.0, -103.0], ["b", "", "a"])
    assert found == pytest.approx([sigmoid(1.75), sigmoid(-0.75), sigmoid(-2.75)], abs=1e-6)


def test_a_missing_number_reaches_the_transform_graph_as_missing(ask: Callable[..., Any]) -> None:
    found = ask([math.nan, 1.0], [1.0, 1.0], ["b", "b"])
    assert np.isnan(found[0])  # this network, unlike the real graph, lets it through
    assert found[1] == pytest.approx(sigmoid(2.25), abs=1e-6)


def test_examples_and_columns_are_the_same_request(model: Any, ask: Callable[..., Any]) -> None:
    import tensorflow as tf

    example = tf.train.Example()
    example.features.feature["real"].float_list.value.append(0.5)
    example.features.feature["whole"].int64_list.value.append(1)
    example.features.feature["word"].bytes_list.value.append(b"b")
    serialized = tf.constant([example.SerializeToString()])
    answer = model.signatures["serving_default"](examples=serialized)
    assert answer["probability"].numpy().tolist() == ask([0.5], [1.0], ["b"])


@pytest.mark.parametrize("value", [3.7, -0.5, 1e-3, math.inf, -math.inf])
def test_a_column_of_integers_refuses_what_is_none(ask: Callable[..., Any], value: float) -> None:
    import tensorflow as tf

    from taxiway.modeling.exported.loaded_model import describe_error

    with pytest.raises(tf.errors.InvalidArgumentError) as refused:
        ask([0.5] * 3, [math.nan, value, 2.0], ["b"] * 3)
    shown = np.array([value], np.float32)
    assert describe_error(refused.value)["error"] == (
        "assertion failed: [column whole: expected whole numbers, got] "
        f"[{tf.strings.as_string(shown[0], shortest=True).numpy().decode()}]"
    )


def test_a_column_of_integers_takes_whole_numbers_of_any_size(ask: Callable[..., Any]) -> None:
    found = ask([0.0] * 4, [-103.0, math.nan, 2.0**24, -(2.0**62)], ["a"] * 4)
    assert np.isnan(found[1]) or found[1] == pytest.approx(1.0)
    assert [found[0], found[2], found[3]] == pytest.approx([sigmoid(-2.75), 1.0, 0.0], abs=1e-6)
