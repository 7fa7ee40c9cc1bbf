"""REST as TensorFlow Serving's clients know it."""

from __future__ import annotations

import base64
import json
import subprocess

import pytest

from tests.taxiway.serving.gateway.http.conftest import Rest

PREDICT = "/v1/models/trips:predict"


def b64(data: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(data).decode()}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"instances": [{"origin": "JFK", "distance": 2475}]}, {"predictions": [0.2475]}),
        ({"instances": [{"distance": 1}, {"origin": "JFK"}]}, {"predictions": [0.0001, 0.5]}),
        ({"instances": [{"distance": None}]}, {"predictions": [0.5]}),
        ({"instances": [b64(b"x" * 100)]}, {"predictions": [0.01]}),
        ({"instances": [{"examples": b64(b"x" * 100)}]}, {"predictions": [0.01]}),
        ({"instances": ["plain"]}, {"predictions": [0.0005]}),
        ({"inputs": {"distance": [1000, 2000]}}, {"outputs": [0.1, 0.2]}),
        ({"inputs": {"examples": [b64(b"x"), b64(b"xx")]}}, {"outputs": [0.0001, 0.0002]}),
        ({"inputs": [b64(b"x")]}, {"outputs": [0.0001]}),
        ({"examples": b64(b"x" * 10)}, {"outputs": [0.001]}),
        ({"instances": [{"origin": b64(b"JFK"), "tags": ["a", "b"]}]}, {"predictions": [0.5]}),
    ],
)
def test_predict_takes_rows_and_columns_of_plain_values_and_of_examples(
    rest: Rest, document: object, expected: object
) -> None:
    answer = rest.post(PREDICT, document)
    assert (answer.status_code, answer.json()) == (200, expected)


def test_several_outputs_are_an_object_for_each_row(rest: Rest) -> None:
    rows = {"instances": [{"origin": "LGA"}, {"origin": "EWR"}]}
    assert rest.post("/v1/models/airports:predict", rows).json() == {
        "predictions": [
            {"probabilities": [0.1, 0.8, 0.1], "class": "LGA"},
            {"probabilities": [0.1, 0.1, 0.8], "class": "EWR"},
        ]
    }


def test_several_outputs_are_an_object_of_columns(rest: Rest) -> None:
    columns = {"inputs": {"origin": ["LGA", "EWR"]}}
    assert rest.post("/v1/models/airports:predict", columns).json() == {
        "outputs": {
            "probabilities": [[0.1, 0.8, 0.1], [0.1, 0.1, 0.8]],
            "class": ["LGA", "EWR"],
        }
    }


def test_nan_and_infinity_are_written_and_read_as_tensorflow_serving_does(rest: Rest) -> None:
    fares = "/v1/models/fares:predict"
    body = b'{"instances": [{"distance": NaN}, {"distance": -Infinity}, {"distance": 0.1}]}'
    answer = rest.client.post(fares, content=body)
    assert answer.text == '{"predictions":[NaN,-Infinity,0.2]}'


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("trips", "1.2.7"),
        ("trips/versions/1", "1.0.0"),
        ("trips/versions/1.0.0", "1.0.0"),
        ("trips/labels/champion", "1.0.0"),
        ("trips/labels/stable", "1.2.7"),
        ("tri%70s", "1.2.7"),
    ],
)
def test_a_version_is_named_by_number_by_name_or_by_label(
    rest: Rest, path: str, version: str
) -> None:
    answer = rest.post(f"/v1/models/{path}:predict", {"instances": [{"distance": 1}]})
    assert answer.status_code == 200
    assert rest.heard.answers[-1][1].version == version


def test_classify_gives_every_label_and_its_score(rest: Rest) -> None:
    document = {"examples": [{"distance": 2500}], "context": {"origin": "JFK"}}
    answer = rest.post("/v1/models/trips:classify", document)
    assert answer.json() == {"results": [[["0", 0.75], ["1", 0.25]]]}
    assert rest.heard.answers[-1][0].columns == {"origin": ["JFK"], "distance": [2500]}


def test_classify_names_the_classes_of_a_model_of_several(rest: Rest) -> None:
    answer = rest.post("/v1/models/airports:classify", {"examples": [{"origin": "LGA"}]})
    assert answer.json() == {"results": [[["JFK", 0.1], ["LGA", 0.8], ["EWR", 0.1]]]}


def test_regress_gives_a_number_for_each_example(rest: Rest) -> None:
    document = {"examples": [{"distance": 1}, {"distance": 2}]}
    assert rest.post("/v1/models/fares:regress", document).json() == {"results": [2.0, 4.0]}


def test_a_model_of_classes_has_no_regress(rest: Rest) -> None:
    answer = rest.post("/v1/models/trips:regress", {"examples": [{"distance": 1}]})
    assert answer.status_code == 400
    assert "no signature 'regress'" in answer.json()["error"]


def test_predict_gives_the_outputs_of_the_signature_that_is_named(rest: Rest) -> None:
    document = {"signature_name": "classify", "instances": [b64(b"x" * 100)]}
    assert rest.post(PREDICT, document).json() == {
        "predictions": [{"classes": ["0", "1"], "scores": [0.99, 0.01]}]
    }


def test_status_is_of_all_versions_or_of_one(rest: Rest) -> None:
    def one(number: str) -> dict[str, object]:
        status = {"error_code": "OK", "error_message": ""}
        return {"version": number, "state": "AVAILABLE", "status": status}

    every = rest.get("/v1/models/trips").json()
    assert every == {"model_version_status": [one("2"), one("1")]}
    assert rest.get("/v1/models/trips/versions/1.0.0").json() == {
        "model_version_status": [one("1")]
    }


def test_metadata_has_every_signature(rest: Rest) -> None:
    document = rest.get("/v1/models/trips/labels/champion/metadata").json()
    assert document["model_spec"] == {"name": "trips", "signature_name": "", "version": "1"}
    signatures = document["metadata"]["signature_def"]["signature_def"]
    assert signatures["classify"]["method_name"] == "tensorflow/serving/classify"
    assert signatures["serving_columns"]["inputs"]["tags"] == {
        "dtype": "DT_STRING",
        "tensor_shape": {
            "dim": [{"size": "-1", "name": ""}, {"size": "-1", "name": ""}],
            "unknown_rank": False,
        },
        "name": "serving_columns_tags:0",
    }
    assert signatures["serving_columns"]["outputs"]["probability"]["dtype"] == "DT_FLOAT"


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"instances": [], "inputs": []}, "only one of"),
        ({"instances": []}, "No values in 'instances' array"),
        ({"instances": {}}, "to be an list/array"),
        ({"instances": [{}]}, "no columns"),
        ({"instances": [{"distance": 1}, 2]}, "Expecting object"),
        ({"instances": [1, 2]}, "expecting list of objects"),
        ({"instances": [{"b64": "%%%"}]}, "no base64"),
        ({"instances": [{"origin": b64(b"\xff")}]}, "no UTF-8"),
        ({"instances": [{"origin": {"deep": 1}}]}, "column 'origin': received an object"),
        ({"instances": [{"tags": [["a"]]}]}, "column 'tags': received a list of lists"),
        ({"instances": [{"distence": 1}]}, "unknown column 'distence'"),
        ({"instances": [{"distance": "far"}]}, "column 'distance'"),
        ({"inputs": {"distance": 1}}, "expected a list"),
        ({"inputs": {"distance": [1], "origin": []}}, "different lengths"),
        ({"inputs": {"distance": []}}, "no rows"),
        ({"signature_name": 1, "instances": [1]}, "must be a string"),
        ({"signature_name": "serving", "instances": [1]}, "not found in signature def"),
        ({"signature_name": "serving_default", "instances": [{"a": 1}]}, "tf.Examples"),
        ([], "expected an object"),
        (1, "JSON number"),
    ],
)
def test_a_body_that_makes_no_sense_is_told_why(rest: Rest, document: object, told: str) -> None:
    answer = rest.post(PREDICT, document)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert told in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/models/nobody:predict", 404),
        ("GET", "/v1/models/nobody", 404),
        ("GET", "/v1/models/trips/versions/9", 404),
        ("GET", "/v1/models/trips/labels/none/metadata", 404),
        ("GET", "/v1/models", 400),
        ("GET", "/v1/models/", 400),
        ("GET", "/v1/models/trips/whatever", 404),
        ("POST", "/v1/models/trips:explain", 404),
        ("GET", "/v1/models/%ff", 400),
        ("GET", "/", 404),
        ("GET", PREDICT, 405),
        ("DELETE", "/v1/models/trips", 405),
        ("PUT", "/v2/health/live", 405),
    ],
)
def test_what_is_not_there_is_told_in_a_document(
    rest: Rest, method: str, path: str, status: int
) -> None:
    content = b'{"instances": [{"distance": 1}]}' if method == "POST" else None
    answer = rest.client.request(method, path, content=content)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    if status == 405:
        assert "OPTIONS" in answer.headers["allow"]


def test_curl_is_answered(rest: Rest) -> None:
    body = json.dumps({"instances": [{"origin": "JFK", "distance": 2475}]})
    try:
        command = ["curl", "-sS", "--max-time", "10", "-d", body, f"{rest.url}{PREDICT}"]
        done = subprocess.run(command, capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("curl is not installed")
    assert json.loads(done.stdout) == {"predictions": [0.2475]}
