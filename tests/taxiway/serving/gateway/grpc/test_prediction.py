"""gRPC as TensorFlow Serving's clients know it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from taxiway.serving.protos import messages, services
from taxiway.serving.protos.tensors import decoded
from tests.taxiway.serving.gateway.grpc.conftest import Grpc, predict_request

NAN = float("nan")


def outputs(response: Any) -> dict[str, Any]:
    found = {name: decoded(tensor, 0).tolist() for name, tensor in response.outputs.items()}
    return {name: np.round(values, 6).tolist() for name, values in found.items()}


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"origin": [b"JFK"], "distance": [2475.0]}, [0.2475]),
        ({"distance": [1000, 2000]}, [0.1, 0.2]),
        ({"distance": [NAN, 1.0]}, [0.5, 0.0001]),
        ({"distance": [[1000.0], [2000.0]]}, [0.1, 0.2]),
        ({"origin": [b"JFK"], "tags": [[b"a", b"b"]]}, [0.5]),
        ({"examples": [b"x" * 100, b"x"]}, [0.01, 0.0001]),
    ],
)
def test_predict_takes_plain_columns_and_serialized_examples(
    running: Grpc, inputs: dict[str, Any], expected: list[float]
) -> None:
    response = running.call(services.PREDICT, predict_request(inputs))
    assert outputs(response) == {"probability": expected}
    assert list(response.outputs["probability"].float_val) == pytest.approx(expected)


def test_columns_are_asked_as_every_protocol_asks_them(running: Grpc) -> None:
    inputs = {
        "origin": ["Z\u00fcrich".encode(), b""],
        "distance": [NAN, 2.0],
        "tags": [[b"a", b"b"]] * 2,
    }
    running.call(services.PREDICT, predict_request(inputs), metadata=[("x-targeting-key", "ann")])
    asked = running.service.asked[-1]
    assert asked.columns == {
        "origin": ["Z\u00fcrich", ""],
        "distance": [None, 2.0],
        "tags": [["a", "b"]] * 2,
    }
    assert (asked.rows, asked.protocol, asked.key) == (2, "tfs-grpc", "ann")


@pytest.mark.parametrize(
    ("spec", "version"),
    [
        ({}, ("1.2.7", 2)),
        ({"version": 1}, ("1.0.0", 1)),
        ({"version_label": "champion"}, ("1.0.0", 1)),
        ({"version_label": "stable"}, ("1.2.7", 2)),
    ],
)
def test_a_version_is_named_by_number_or_by_label(
    running: Grpc, spec: dict[str, Any], version: tuple[str, int]
) -> None:
    response = running.call(services.PREDICT, predict_request({"distance": [1.0]}, **spec))
    assert running.heard.answers[-1][1].version == version[0]
    told = response.model_spec
    assert (told.name, told.version.value, told.signature_name) == (
        "trips",
        version[1],
        "serving_columns",
    )


def test_only_the_outputs_that_are_wanted_are_sent(running: Grpc) -> None:
    request = predict_request({"origin": [b"LGA"]}, "airports", outputs=["class"])
    assert set(running.call(services.PREDICT, request).outputs) == {"class"}
    unknown = predict_request({"origin": [b"LGA"]}, "airports", outputs=["clas"])
    status, told, _ = running.refused(services.PREDICT, unknown)
    assert (status, told) == (
        "INVALID_ARGUMENT",
        "unexpected inference output 'clas'; did you mean 'class'? "
        "(the model gives: probabilities, class)",
    )


def test_predict_gives_the_outputs_of_the_signature_that_is_named(running: Grpc) -> None:
    request = predict_request({"examples": [b"x" * 2500]}, signature_name="classify")
    response = running.call(services.PREDICT, request)
    assert decoded(response.outputs["classes"], 0).tolist() == [[b"0", b"1"]]
    np.testing.assert_allclose(decoded(response.outputs["scores"], 0), [[0.75, 0.25]], rtol=1e-6)


@pytest.mark.parametrize(
    ("inputs", "spec", "status", "told"),
    [
        ({"distance": [b"far"]}, {}, "INVALID_ARGUMENT", "column 'distance': received 'far'"),
        ({"distance": [[1.0, 2.0]]}, {}, "INVALID_ARGUMENT", "received [1.0, 2.0]"),
        ({"distance": [[[1.0]]]}, {}, "INVALID_ARGUMENT", "of shape [1, 1, 1]; expected [N]"),
        ({"distance": 1.0}, {}, "INVALID_ARGUMENT", "of shape []; expected [N]"),
        ({"distance": []}, {}, "INVALID_ARGUMENT", "received no rows"),
        ({}, {}, "INVALID_ARGUMENT", "received no columns"),
        ({"distance": [1, 2], "origin": [b"a"]}, {}, "INVALID_ARGUMENT", "different lengths"),
        ({"distanc": [1.0]}, {}, "INVALID_ARGUMENT", "unknown column 'distanc'"),
        ({"origin": [b"\xff"]}, {}, "INVALID_ARGUMENT", "'origin': received what is no UTF-8"),
        ({"distance": [1.0]}, {"version": 9}, "NOT_FOUND", "trips has no version '9'"),
        ({"distance": [1.0]}, {"version_label": "old"}, "NOT_FOUND", "no version 'old'"),
        ({"distance": [1.0]}, {"model": "trip"}, "NOT_FOUND", "no version of a model 'trip'"),
        (
            {"distance": [1.0]},
            {"signature_name": "clasify"},
            "INVALID_ARGUMENT",
            "not found in signature def; did you mean 'classify'?",
        ),
        (
            {"distance": [1.0]},
            {"signature_name": "serving_default"},
            "INVALID_ARGUMENT",
            "takes serialized tf.Examples as examples; received distance; plain columns are of",
        ),
    ],
)
def test_what_cannot_be_answered_is_refused_with_the_reason(
    running: Grpc, inputs: dict[str, Any], spec: dict[str, Any], status: str, told: str
) -> None:
    found = running.refused(services.PREDICT, predict_request(inputs, **spec))
    assert found[0] == status
    assert told in found[1]


def test_a_tensor_that_claims_more_rows_than_it_has_is_refused(running: Grpc) -> None:
    request = predict_request({"distance": [1.0]})
    request.inputs["distance"].tensor_shape.dim[0].size = 10**12
    status, told, _ = running.refused(services.PREDICT, request)
    assert status == "INVALID_ARGUMENT"
    assert "at most 100000 are filled up" in told


def classification(*examples: bytes, model: str = "trips", context: bytes = b"") -> Any:
    request = messages.ClassificationRequest(model_spec=messages.ModelSpec(name=model))
    if context:
        request.input.example_list_with_context.examples.extend(examples)
        request.input.example_list_with_context.context = context
    else:
        request.input.example_list.examples.extend(examples)
    return request


def test_classify_gives_every_label_and_its_score(running: Grpc) -> None:
    response = running.call(services.CLASSIFY, classification(b"\x0a" + bytes([98]) + b"x" * 98))
    (found,) = response.result.classifications
    assert [one.label for one in found.classes] == ["0", "1"]
    assert [one.score for one in found.classes] == pytest.approx([0.99, 0.01])
    assert response.model_spec.version.value == 2


def test_features_of_a_context_are_those_of_every_example(running: Grpc) -> None:
    running.call(services.CLASSIFY, classification(b"\x0a\x00", context=b"\x0a\x02\x12\x00"))
    assert running.service.asked[-1].examples == [b"\x0a\x02\x12\x00\x0a\x00"]


def test_regress_gives_a_number_for_each_example(running: Grpc) -> None:
    request = messages.RegressionRequest(model_spec=messages.ModelSpec(name="fares"))
    request.input.example_list.examples.extend([b"", b"\x0a\x00"])
    response = running.call(services.REGRESS, request)
    assert [one.value for one in response.result.regressions] == [0.0, 4.0]
    status, told, _ = running.refused(services.CLASSIFY, classification(b"", model="fares"))
    assert status == "INVALID_ARGUMENT"
    assert "no signature 'classify'" in told


def test_no_examples_are_refused(running: Grpc) -> None:
    assert running.refused(services.CLASSIFY, classification())[1].startswith("received no rows")


def metadata_of(running: Grpc, *fields: str) -> Any:
    request = messages.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = "trips"
    return running.call(services.GET_MODEL_METADATA, request)


def test_metadata_tell_every_signature(running: Grpc) -> None:
    response = metadata_of(running, "signature_def")
    assert response.model_spec.version.value == 2
    packed = response.metadata["signature_def"]
    assert packed.type_url == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    signatures = messages.SignatureDefMap.FromString(packed.value).signature_def
    assert set(signatures) == {"serving_default", "serving_columns", "classify"}
    columns = signatures["serving_columns"].inputs
    assert {name: (one.dtype, len(one.tensor_shape.dim)) for name, one in columns.items()} == {
        "origin": (7, 1),
        "distance": (1, 1),
        "tags": (7, 2),
    }
    assert signatures["classify"].method_name == "tensorflow/serving/classify"


def test_other_metadata_are_refused(running: Grpc) -> None:
    request = messages.GetModelMetadataRequest(metadata_field=["other"])
    told = running.refused(services.GET_MODEL_METADATA, request)
    assert told[:2] == (
        "INVALID_ARGUMENT",
        "received metadata_field ['other']; expected ['signature_def']",
    )


def test_status_is_of_all_versions_or_of_one(running: Grpc) -> None:
    request = messages.GetModelStatusRequest()
    request.model_spec.name = "trips"
    both = running.call(services.GET_MODEL_STATUS, request).model_version_status
    assert [(one.version, one.state) for one in both] == [(2, 30), (1, 30)]
    request.model_spec.version.value = 1
    (one,) = running.call(services.GET_MODEL_STATUS, request).model_version_status
    assert (one.version, one.status.error_code) == (1, 0)


@pytest.mark.parametrize(
    ("method", "told"),
    [
        (services.MULTI_INFERENCE, "ask Classify and Regress"),
        (services.RELOAD_CONFIG, "serving.models"),
    ],
)
def test_what_is_not_offered_says_what_to_do(
    running: Grpc, method: services.Method, told: str
) -> None:
    status, details, _ = running.refused(method)
    assert status == "UNIMPLEMENTED"
    assert told in details
