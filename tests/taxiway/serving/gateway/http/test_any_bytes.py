"""Whatever bytes come, what is told is a document: never an error of the gateway's own, or none."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.taxiway.serving.gateway.http.conftest import Rest
from tests.taxiway.serving.gateway.http.test_bounds import read_to_end

PATHS = (
    "/v1/models/trips:predict",
    "/v1/models/airports:classify",
    "/v1/models/fares:regress",
    "/v2/models/airports/infer",
    "/ofrep/v1/evaluate/flags/split",
    "/ofrep/v1/evaluate/flags",
)
WORDS = [
    *("instances", "inputs", "examples", "context", "signature_name", "b64", "outputs", "data"),
    *("name", "shape", "datatype", "parameters", "binary_data_size", "binary_data", "id"),
    *("distance", "origin", "tags", "probability", "serving_default", "serving_columns"),
    *("FP32", "BYTES", "INT64", "timeout", "targetingKey", "classify", "content_type", "base64"),
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.sampled_from(WORDS), VALUES, min_size=1, max_size=4)
SETTINGS = settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def check_told(rest: Rest, path: str, body: bytes, headers: Any = None) -> None:
    answer = rest.client.post(path, content=body, headers=headers)
    assert answer.status_code in (200, 400, 404, 413), answer.text
    if answer.status_code != 200:
        (key,) = {"error", "errorCode"} & set(answer.json())
        assert answer.json()[key]
        assert len(answer.content) < 20_000


@SETTINGS
@given(path=st.sampled_from(PATHS), document=DOCUMENTS)
def test_any_json_is_answered_or_told_why_not(rest: Rest, path: str, document: Any) -> None:
    try:
        body = json.dumps(document).encode()
    except ValueError:
        return
    check_told(rest, path, body)


@SETTINGS
@given(path=st.sampled_from(PATHS), body=st.binary(max_size=200))
@example(PATHS[0], b"")
@example(PATHS[0], b"[" * 100_000)
@example(PATHS[0], b'{"a":' * 100_000)
@example(PATHS[0], b'{"instances": [NaN, ' + b"[" * 100_000)
@example(PATHS[0], b'{"instances": [{"distance": ' + b"9" * 100_000 + b"}]}")
@example(PATHS[0], b'{"instances": [NaN, ' + b"9" * 100_000 + b"]}")
@example(PATHS[0], b'{"instances": [{"distance": 1e999999}]}')
@example(PATHS[0], b'{"instances": [{"origin": "\\ud800"}]}')
@example(PATHS[0], b'{"instances": [{"origin": "\\ud800", "distance": NaN}]}')
@example(PATHS[0], b'{"instances": [{"origin": "\xff"}]}')
@example(PATHS[0], b'\xef\xbb\xbf{"instances": [{"distance": 1}]}')
@example(PATHS[0], '{"instances": [NaN]}'.encode("utf-16"))
@example(PATHS[3], b'{"inputs": [{"name": "a", "shape": [9], "datatype": "BYTES", "data": 1}]}')
def test_any_bytes_are_told_why_they_are_no_request(rest: Rest, path: str, body: bytes) -> None:
    check_told(rest, path, body)


@SETTINGS
@given(
    datatype=st.sampled_from(["FP16", "FP32", "FP64", "INT64", "UINT8", "BOOL", "BYTES", "TF32"]),
    shape=st.lists(st.integers(-1, 2**40) | st.integers(0, 4), max_size=3),
    part=st.binary(max_size=40),
    cut=st.integers(-3, 3),
)
@example("BYTES", [1], struct.pack("<I", 2**32 - 1), 0)
def test_any_binary_tensor_is_answered_or_told_why_not(
    rest: Rest, datatype: str, shape: list[int], part: bytes, cut: int
) -> None:
    parameters = {"binary_data_size": len(part) + cut}
    tensor = {"name": "tags", "shape": shape, "datatype": datatype, "parameters": parameters}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    length = {"Inference-Header-Content-Length": str(len(head))}
    check_told(rest, PATHS[3], head + part, length)


def test_of_a_key_that_comes_twice_the_last_counts(rest: Rest) -> None:
    body = b'{"instances": [{"distance": 1, "distance": 1000}]}'
    assert rest.client.post(PATHS[0], content=body).json() == {"predictions": [0.1]}


@SETTINGS
@given(sent=st.binary(max_size=60) | st.sampled_from([b"GET ", b"\r\n\r\n"]))
@example(b"GET / HTTP/1.1\r\n\r\n")
@example(b"POST /v1/models/trips:predict HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
def test_any_bytes_on_a_connection_end_in_an_answer_or_its_end(rest: Rest, sent: bytes) -> None:
    with rest.connect() as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = read_to_end(connection)
    if answer:
        assert answer.startswith(b"HTTP/1.1 4")
        assert list(json.loads(answer.partition(b"\r\n\r\n")[2])) == ["error"]


@pytest.mark.parametrize("path", ["/v1/models/trips:predict/", "//v2", "/v2/", "/v1", "/%", "/a b"])
def test_paths_that_are_almost_one_are_not_found(rest: Rest, path: str) -> None:
    with rest.connect() as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = read_to_end(connection)
    assert answer.split(b" ")[1] in (b"404", b"400")
