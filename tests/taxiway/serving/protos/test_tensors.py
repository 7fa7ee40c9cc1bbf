"""Tensors and arrays are each other's, by TensorFlow's own judgement."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from taxiway.serving.protos import messages
from taxiway.serving.protos.tensors import TensorError, decoded, encoded, type_name, type_number
from tests.conftest import REPOSITORY

ARRAYS: list[Any] = [
    np.array([[0.25, np.nan], [np.inf, -1.5]], np.float32),
    np.array([0.1, 1e300]),
    np.array([1.5, -2.0], np.float16),
    *[np.array([[0, 1, 127]], kind) for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")],
    np.array([-(2**63), 2**63 - 1]),
    np.array([2**64 - 1], np.uint64),
    np.array([True, False]),
    np.array([b"", b"\x00\xff", "Z\u00fcrich".encode()], dtype=object),
    np.zeros((0, 3), np.float32),
    np.array(7, np.int64),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}-{array.shape}")
def test_an_array_comes_back_as_it_went(array: Any) -> None:
    wire = messages.TensorProto.FromString(encoded(array).SerializeToString())
    back = decoded(wire, 0)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(back, array)


@pytest.mark.pipeline
def test_tensorflow_reads_what_we_write_and_we_what_it_writes() -> None:
    import tensorflow as tf

    for array in ARRAYS:
        proto = tf.make_tensor_proto(array)
        np.testing.assert_array_equal(
            decoded(messages.TensorProto.FromString(proto.SerializeToString()), 0), array
        )
        mirrored = type(proto).FromString(encoded(array).SerializeToString())
        np.testing.assert_array_equal(tf.make_ndarray(mirrored), array)
    half = tf.make_tensor_proto(tf.constant([1.5, -2.0], tf.bfloat16))
    read = decoded(messages.TensorProto.FromString(half.SerializeToString()), 0)
    np.testing.assert_array_equal(read, np.array([1.5, -2.0], np.float32))


def tensor(dtype: str, shape: list[int], **fields: Any) -> Any:
    message = messages.TensorProto(dtype=type_number(dtype), **fields)
    for size in shape:
        message.tensor_shape.dim.add(size=size)
    return message


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (tensor("float32", [3], float_val=[1.5]), [1.5, 1.5, 1.5]),
        (tensor("int64", [3], int64_val=[1, 2]), [1, 2, 2]),
        (tensor("float32", [2]), [0.0, 0.0]),
        (tensor("string", [2], string_val=[b"a"]), [b"a", b"a"]),
        (tensor("string", [1]), [b""]),
        (tensor("bool", [2], bool_val=[True]), [True, True]),
        (tensor("bfloat16", [1], half_val=[0x3FC0]), [1.5]),
        (tensor("float16", [2], tensor_content=np.array([0.5, 2], "<f2").tobytes()), [0.5, 2.0]),
    ],
)
def test_fewer_values_than_the_shape_has_are_filled_up(given: Any, expected: list[Any]) -> None:
    assert decoded(given, 3).tolist() == expected


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (tensor("float32", [10**12], float_val=[1.0]), "at most 3 are filled up"),
        (tensor("float32", [1], float_val=[1.0, 2.0]), "2 values for a tensor of shape \\[1\\]"),
        (tensor("float32", [2], tensor_content=b"1234"), "1 values for a tensor of shape"),
        (tensor("float32", [1], tensor_content=b"12345"), "expected a multiple of 4, for float32"),
        (tensor("string", [1], tensor_content=b"a"), "expected string_val"),
        (tensor("uint8", [1], int_val=[300]), "that no uint8 can hold"),
        (tensor("float32", [-1], float_val=[1.0]), "expected sizes from 0 on"),
        (messages.TensorProto(dtype=20), "type 20 of DataType; expected float32, "),
        (messages.TensorProto(dtype=1, tensor_shape={"unknown_rank": True}), "of unknown rank"),
    ],
)
def test_a_tensor_that_is_not_as_it_says_is_refused(given: Any, told: str) -> None:
    with pytest.raises(TensorError, match=told):
        decoded(given, 3)


def test_objects_that_are_no_tensor_are_refused() -> None:
    with pytest.raises(TensorError, match="datetime64"):
        encoded(np.array(["2013-01-01"], "datetime64[D]"))


def test_types_have_tensorflows_numbers() -> None:
    assert (type_number("float32"), type_number("string"), type_number("complex64")) == (1, 7, 0)
    assert type_name(19) == "float16"


def test_messages_load_without_tensorflow() -> None:
    program = (
        "import sys; from taxiway.serving.protos import tensors; "
        "print([name for name in sys.modules if name.split('.')[0] == 'tensorflow'])"
    )
    line = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(line, capture_output=True, text=True, cwd=REPOSITORY)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.pipeline
def test_messages_live_beside_those_of_tensorflow_serving() -> None:
    from tensorflow_serving.apis import predict_pb2

    theirs = predict_pb2.PredictRequest(output_filter=["probability"])
    theirs.model_spec.version.value = 3
    theirs.inputs["hour"].CopyFrom(type(theirs.inputs["hour"])(dtype=9, int64_val=[7]))
    ours = messages.PredictRequest.FromString(theirs.SerializeToString())
    assert (ours.model_spec.version.value, list(ours.output_filter)) == (3, ["probability"])
    assert list(ours.inputs["hour"].int64_val) == [7]
    assert type(theirs).FromString(ours.SerializeToString()) == theirs
