"""gRPC as clients of the Open Inference Protocol know it."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from taxiway.serving.protos import messages, services
from tests.taxiway.serving.gateway.grpc.conftest import Grpc

FIELDS = {"FP32": "fp32_contents", "INT64": "int64_contents", "BYTES": "bytes_contents"}


def infer_request(
    *inputs: tuple[str, str, list[int], Any], model: str = "trips", **named: Any
) -> Any:
    """A ModelInferRequest; values are a list, or bytes that are raw."""
    outputs = named.pop("outputs", ())
    request = messages.ModelInferRequest(model_name=model, **named)
    for name, datatype, shape, values in inputs:
        tensor = request.inputs.add(name=name, datatype=datatype, shape=shape)
        if isinstance(values, bytes):
            request.raw_input_contents.append(values)
        else:
            getattr(tensor.contents, FIELDS[datatype]).extend(values)
    for name in outputs:
        request.outputs.add(name=name)
    return request


def strings(*items: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(item)) + item for item in items)


def test_values_in_fields_are_answered_in_fields(running: Grpc) -> None:
    request = infer_request(
        ("origin", "BYTES", [2], [b"JFK", b"LGA"]), ("distance", "FP32", [2, 1], [1000.0, 2000.0])
    )
    response = running.call(services.MODEL_INFER, request)
    (output,) = response.outputs
    assert (output.name, output.datatype, list(output.shape)) == ("probability", "FP32", [2])
    assert list(output.contents.fp32_contents) == pytest.approx([0.1, 0.2])
    assert (response.model_name, response.model_version) == ("trips", "1.2.7")


def test_raw_values_are_answered_raw(running: Grpc) -> None:
    numbers = np.array([np.nan, 1000], "<f4").tobytes()
    request = infer_request(
        ("origin", "BYTES", [2], strings(b"LGA", "Z\u00fcrich".encode())),
        ("distance", "FP32", [2], numbers),
        model="airports",
        id="mine",
    )
    response = running.call(services.MODEL_INFER, request)
    assert running.service.asked[-1].columns == {
        "origin": ["LGA", "Z\u00fcrich"],
        "distance": [None, 1000.0],
    }
    assert [(one.name, list(one.shape)) for one in response.outputs] == [
        ("probabilities", [2, 3]),
        ("class", [2]),
    ]
    likely, classes = response.raw_output_contents
    np.testing.assert_allclose(np.frombuffer(likely, "<f4")[:3], [0.1, 0.8, 0.1], rtol=1e-6)
    assert classes == strings(b"LGA", b"JFK")
    assert response.id == "mine"


def test_serialized_examples_and_columns_of_lists_are_taken(running: Grpc) -> None:
    examples = infer_request(("examples", "BYTES", [1], [b"x" * 100]))
    (output,) = running.call(services.MODEL_INFER, examples).outputs
    assert list(output.contents.fp32_contents) == pytest.approx([0.01])
    running.call(services.MODEL_INFER, infer_request(("tags", "BYTES", [1, 2], [b"a", b"b"])))
    assert running.service.asked[-1].columns == {"tags": [["a", "b"]]}


def test_only_the_outputs_that_are_wanted_are_sent(running: Grpc) -> None:
    origin = ("origin", "BYTES", [1], [b"LGA"])
    request = infer_request(origin, model="airports", outputs=["class"])
    (output,) = running.call(services.MODEL_INFER, request).outputs
    assert (output.name, list(output.contents.bytes_contents)) == ("class", [b"LGA"])


@pytest.mark.parametrize(
    ("version", "answered"), [("", "1.2.7"), ("1", "1.0.0"), ("1.0.0", "1.0.0")]
)
def test_a_version_is_named_by_number_or_by_name(
    running: Grpc, version: str, answered: str
) -> None:
    request = infer_request(("distance", "FP32", [1], [1.0]), model_version=version)
    assert running.call(services.MODEL_INFER, request).model_version == answered


ONE = ("distance", "FP32", [1], [1.0])


@pytest.mark.parametrize(
    ("request_", "status", "told"),
    [
        (infer_request(), "INVALID_ARGUMENT", "received no columns"),
        (infer_request(ONE, ONE), "INVALID_ARGUMENT", "input 'distance' comes twice"),
        (infer_request(ONE, model_version="9"), "NOT_FOUND", "trips has no version '9'"),
        (infer_request(ONE, model="trip"), "NOT_FOUND", "no version of a model 'trip'"),
        (infer_request(ONE, outputs=["x"]), "INVALID_ARGUMENT", "unexpected inference output 'x'"),
        (
            infer_request(("distance", "FP32", [3], [1.0])),
            "INVALID_ARGUMENT",
            "input 'distance': received 1 values; expected 3 by shape [3]",
        ),
        (
            infer_request(("distance", "FP32", [-1], [])),
            "INVALID_ARGUMENT",
            "received shape [-1]; expected sizes from 0 on",
        ),
        (infer_request(("distance", "FP32", [0], [])), "INVALID_ARGUMENT", "received no rows"),
        (
            infer_request(("distance", "FP32", [1], b"12345")),
            "INVALID_ARGUMENT",
            "received 5 bytes, which are no whole FP32s",
        ),
        (
            infer_request(("origin", "BYTES", [1], b"\x09\x00\x00\x00a")),
            "INVALID_ARGUMENT",
            "end within a string",
        ),
        (
            infer_request(("distance", "FP32", [1], b"1234"), ("origin", "BYTES", [1], [b"a"])),
            "INVALID_ARGUMENT",
            "received 1 raw_input_contents for 2 inputs",
        ),
        (
            infer_request(("distance", "COMPLEX", [1], b"")),
            "INVALID_ARGUMENT",
            "received datatype COMPLEX; expected one of BOOL, ",
        ),
        (
            infer_request(("distance", "BYTES", [1], [b"far"])),
            "INVALID_ARGUMENT",
            "column 'distance': received 'far'",
        ),
    ],
)
def test_what_cannot_be_answered_is_refused_with_the_reason(
    running: Grpc, request_: Any, status: str, told: str
) -> None:
    found = running.refused(services.MODEL_INFER, request_)
    assert found[0] == status
    assert told in found[1]


def test_metadata_tell_columns_and_versions(running: Grpc) -> None:
    request = messages.ModelMetadataRequest(name="trips")
    told = running.call(services.MODEL_METADATA, request)
    assert [(one.name, one.datatype, list(one.shape)) for one in told.inputs] == [
        ("origin", "BYTES", [-1]),
        ("distance", "FP32", [-1]),
        ("tags", "BYTES", [-1, -1]),
    ]
    assert [(one.name, one.datatype) for one in told.outputs] == [("probability", "FP32")]
    assert list(told.versions) == ["1.2.7", "1.0.0"]
    assert running.call(services.SERVER_METADATA).name == "taxiway"


def test_it_says_whether_it_lives_and_is_ready(running: Grpc) -> None:
    assert running.call(services.SERVER_LIVE).live
    assert running.call(services.SERVER_READY).ready
    request = messages.ModelReadyRequest(name="trips", version="1.0.0")
    assert running.call(services.MODEL_READY, request).ready
    running.service.is_ready = False
    try:
        assert not running.call(services.SERVER_READY).ready
        assert running.call(services.SERVER_LIVE).live
    finally:
        running.service.is_ready = True
