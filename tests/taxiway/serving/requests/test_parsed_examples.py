"""tf.Examples are read without TensorFlow, as they are written; nothing else is taken for one."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxiway.serving.requests.examples import serialized_example
from taxiway.serving.requests.parsed_examples import NoExampleError, columns_of, row_of

ROW: dict[str, Any] = {
    "city": "Kyiv",
    "raw": b"\xff\x00",
    "temp": 20.5,
    "seats": -3,
    "many": [1, 2**62, -(2**63)],
    "floats": [1.5, -2.25],
    "none": None,
}


def test_each_kind_of_feature_is_read_as_it_was_written() -> None:
    assert row_of(serialized_example(ROW)) == ROW


def test_examples_are_columns_with_what_one_has_not_missing() -> None:
    examples = [serialized_example(row) for row in ({"a": 1}, {"b": "x"}, {"a": 3, "b": "y"})]
    assert columns_of(examples) == {"a": [1, None, 3], "b": [None, "x", "y"]}


@pytest.mark.pipeline
def test_tensorflows_own_examples_are_read() -> None:
    import tensorflow as tf

    example = tf.train.Example()
    feature = example.features.feature
    feature["city"].bytes_list.value.append(b"Kyiv")
    feature["raw"].bytes_list.value.append(b"\xff\x00")
    feature["temp"].float_list.value.append(20.5)
    feature["seats"].int64_list.value.append(-3)
    feature["many"].int64_list.value.extend([1, 2**62, -(2**63)])
    feature["floats"].float_list.value.extend([1.5, -2.25])
    feature["none"].SetInParent()
    assert row_of(example.SerializeToString()) == ROW


@given(st.binary(max_size=200))
def test_any_bytes_are_an_example_or_refused(content: bytes) -> None:
    with contextlib.suppress(NoExampleError):
        row_of(content)


def test_an_example_that_was_cut_is_refused() -> None:
    whole = serialized_example(ROW)
    with pytest.raises(NoExampleError):
        row_of(whole[:-1])
