"""The Open Inference Protocol, version 2, over REST; with Triton's binary tensors."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from tests.taxiway.serving.gateway.arithmetic import Arithmetic
from tests.taxiway.serving.gateway.http.conftest import Rest

INFER = "/v2/models/trips/infer"


def tensor(name: str, datatype: str, data: list[Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": [len(data)], "datatype": datatype, "data": data, **more}


def test_a_server_says_that_it_lives_and_what_it_is(rest: Rest) -> None:
    assert rest.get("/v2/health/live").json() == {"live": True}
    about = rest.get("/v2").json()
    assert about["name"] == "taxiway"
    assert about["extensions"] == ["binary_tensor_data"]


def test_readiness_is_the_services(serve: Callable[..., Rest]) -> None:
    rest = serve(Arithmetic(is_ready=False))
    answer = rest.get("/v2/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"ready": False})
    rest.service.is_ready = True
    answer = rest.get("/v2/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})


@pytest.mark.parametrize("path", ["trips", "trips/versions/1", "trips/versions/1.2.7"])
def test_a_model_says_that_it_is_ready(rest: Rest, path: str) -> None:
    assert rest.get(f"/v2/models/{path}/ready").json() == {"name": "trips", "ready": True}


def test_metadata_has_columns_with_their_types(rest: Rest) -> None:
    assert rest.get("/v2/models/trips").json() == {
        "name": "trips",
        "versions": ["1.2.7", "1.0.0"],
        "platform": "tensorflow_savedmodel",
        "inputs": [
            {"name": "origin", "datatype": "BYTES", "shape": [-1]},
            {"name": "distance", "datatype": "FP32", "shape": [-1]},
            {"name": "tags", "datatype": "BYTES", "shape": [-1, -1]},
        ],
        "outputs": [{"name": "probability", "datatype": "FP32", "shape": [-1]}],
    }


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ([tensor("distance", "FP32", [1000.0, 2000.0])], [0.1, 0.2]),
        ([tensor("distance", "INT64", [1000]), tensor("origin", "BYTES", ["JFK"])], [0.1]),
        ([tensor("distance", "FP64", [None])], [0.5]),
        ([{**tensor("distance", "FP32", [1, 2]), "shape": [2, 1]}], [0.0001, 0.0002]),
        ([{**tensor("distance", "FP32", [[1], [2]]), "shape": [2, 1]}], [0.0001, 0.0002]),
        ([{**tensor("tags", "BYTES", ["a", "b", "c", "d"]), "shape": [2, 2]}], [0.5, 0.5]),
        ([tensor("examples", "BYTES", ["eight by"])], [0.0008]),
        (
            [tensor("examples", "BYTES", ["AAAA"], parameters={"content_type": "base64"})],
            [0.0003],
        ),
    ],
)
def test_infer_takes_columns_and_examples_in_json(
    rest: Rest, inputs: list[Any], expected: list[float]
) -> None:
    answer = rest.post(INFER, {"id": "42", "inputs": inputs})
    assert answer.status_code == 200, answer.text
    output = tensor("probability", "FP32", expected)
    assert answer.json() == {
        "model_name": "trips",
        "model_version": "1.2.7",
        "id": "42",
        "outputs": [output],
    }


def test_only_the_outputs_that_are_wanted_are_given(rest: Rest) -> None:
    document = {"inputs": [tensor("origin", "BYTES", ["LGA"])], "outputs": [{"name": "class"}]}
    answer = rest.post("/v2/models/airports/versions/1/infer", document).json()
    assert answer["outputs"] == [tensor("class", "BYTES", ["LGA"])]
    assert answer["model_version"] == "1.0.0"


def binary(document: Mapping[str, Any], *parts: bytes) -> dict[str, Any]:
    head = json.dumps(document).encode()
    length = {"Inference-Header-Content-Length": str(len(head))}
    return {"content": b"".join([head, *parts]), "headers": length}


def sized(name: str, datatype: str, shape: list[int], part: bytes) -> dict[str, Any]:
    size = {"binary_data_size": len(part)}
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": size}


def test_tensors_travel_as_bytes_both_ways(rest: Rest) -> None:
    distance = np.array([1000, np.nan], "<f4").tobytes()
    origin = b"".join(struct.pack("<I", 3) + name for name in (b"LGA", b"EWR"))
    document = {
        "inputs": [sized("distance", "FP32", [2], distance), sized("origin", "BYTES", [2], origin)],
        "parameters": {"binary_data_output": True},
    }
    request = binary(document, distance, origin)
    answer = rest.client.post("/v2/models/airports/infer", **request)
    assert answer.status_code == 200, answer.text
    length = int(answer.headers["inference-header-content-length"])
    head, rest_of_it = json.loads(answer.content[:length]), answer.content[length:]
    assert [one["parameters"] for one in head["outputs"]] == [
        {"binary_data_size": 24},
        {"binary_data_size": 14},
    ]
    scores = np.frombuffer(rest_of_it[:24], "<f4").reshape(2, 3)
    np.testing.assert_allclose(scores, [[0.1, 0.8, 0.1], [0.1, 0.1, 0.8]], rtol=1e-6)
    assert rest_of_it[24:] == origin
    assert rest.heard.answers[-1][0].columns == {
        "distance": [1000.0, None],
        "origin": ["LGA", "EWR"],
    }


def test_one_output_may_come_as_bytes_and_another_in_json(rest: Rest) -> None:
    document = {
        "inputs": [tensor("origin", "BYTES", ["LGA"])],
        "outputs": [
            {"name": "class", "parameters": {"binary_data": False}},
            {"name": "probabilities", "parameters": {"binary_data": True}},
        ],
    }
    answer = rest.post("/v2/models/airports/infer", document)
    length = int(answer.headers["inference-header-content-length"])
    assert json.loads(answer.content[:length])["outputs"][0]["data"] == ["LGA"]
    assert len(answer.content[length:]) == 12


FOUR = b"\0\0\0\0"


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (binary({"inputs": []}), "expected inputs"),
        (binary({"inputs": [{}]}), "with a name"),
        (binary({"inputs": [{"name": "distance"}]}), "expected a shape"),
        (binary({"inputs": [tensor("distance", "FP12", [1])]}), "received datatype FP12"),
        (binary({"inputs": [{**tensor("a", "FP32", [1]), "shape": [2**40]}]}), "expected a shape"),
        (binary({"inputs": [{**tensor("a", "FP32", [1]), "shape": [7, 0]}]}), "expected a shape"),
        (binary({"inputs": [{**tensor("a", "FP32", [1]), "shape": [2]}]}), "received 1 values"),
        (binary({"inputs": [tensor("a", "FP32", [[1], 2])]}), "nested otherwise"),
        (binary({"inputs": [tensor("a", "BYTES", [[[["x", "y"]]]])]}), "nested otherwise"),
        (binary({"inputs": [tensor("a", "FP32", [1])] * 2}), "comes twice"),
        (binary({"inputs": [tensor("a", "FP32", [1])]}, FOUR), "that are of no input"),
        (binary({"inputs": [sized("a", "FP32", [2], FOUR)]}, b""), "goes beyond"),
        (binary({"inputs": [sized("a", "FP64", [1], FOUR)]}, FOUR), "no whole FP64s"),
        (binary({"inputs": [sized("a", "BYTES", [1], b"\1\0\0\0")]}, b"\1\0\0\0"), "in a string"),
        (binary({"inputs": [sized("a", "BYTES", [1], b"\1")]}, b"\1"), "within a length"),
        (binary({"inputs": [tensor("a", "FP32", [1])], "outputs": [1]}), "expected outputs"),
        (binary({"inputs": [tensor("a", "FP32", [1])], "parameters": 1}), "expected parameters"),
        ({"content": b"{}", "headers": {"Inference-Header-Content-Length": "3"}}, "received 2"),
        ({"content": b"{}", "headers": {"Inference-Header-Content-Length": "x"}}, "a number of"),
    ],
)
def test_an_infer_that_makes_no_sense_is_told_why(
    rest: Rest, request_: dict[str, Any], told: str
) -> None:
    answer = rest.client.post(INFER, **request_)
    assert answer.status_code == 400, answer.text
    assert told.replace("in a string", "within a string") in answer.json()["error"]


def test_an_output_that_the_model_has_not_is_refused_by_name(rest: Rest) -> None:
    document = {"inputs": [tensor("distance", "FP32", [1])], "outputs": [{"name": "probabilty"}]}
    answer = rest.post(INFER, document)
    assert answer.status_code == 400
    assert "did you mean 'probability'?" in answer.json()["error"]


@pytest.mark.parametrize(
    "path", ["nobody", "nobody/ready", "trips/versions/9", "trips/config", "trips/versions"]
)
def test_a_model_that_is_not_there_is_not_found(rest: Rest, path: str) -> None:
    answer = rest.get(f"/v2/models/{path}")
    assert answer.status_code == 404
    assert list(answer.json()) == ["error"]
