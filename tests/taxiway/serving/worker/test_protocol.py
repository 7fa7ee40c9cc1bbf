"""Frames carry numbers and strings unchanged, and refuse what is no frame."""

from __future__ import annotations

import pickle
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from taxiway.serving.worker import protocol
from taxiway.serving.worker.client import WorkerError
from taxiway.serving.worker.protocol import (
    ProtocolError,
    pack_arrays,
    pack_strings,
    receive_frame,
    send_frame,
    unpack_arrays,
    unpack_strings,
)

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize(
    "array",
    [
        np.array([0.5, np.nan, -np.inf], np.float32),
        np.arange(6, dtype=">i8").reshape(2, 3)[:, ::2],
        np.array([True, False]),
        np.zeros((0, 4)),
        np.array([b"", b"\x00\xff", b"a"], dtype=object).reshape(3, 1),
        np.array([], dtype=object),
        np.array(3, np.uint8),
    ],
)
def test_an_array_arrives_as_it_was_sent(pair: Pair, array: Any) -> None:
    described, body = pack_arrays({"other": np.array([1.0]), "one": array})
    send_frame(pair[0], {"arrays": described}, body)
    frame = receive_frame(pair[1])
    assert frame is not None
    received = unpack_arrays(frame[0]["arrays"], frame[1])["one"]
    assert received.shape == array.shape
    np.testing.assert_array_equal(received, array)


def test_a_frame_larger_than_the_pipe_arrives_whole(pair: Pair) -> None:
    items = [b"x" * 1000] * 3000
    sender = threading.Thread(target=send_frame, args=(pair[0], {}, pack_strings(items)))
    sender.start()
    frame = receive_frame(pair[1])
    sender.join()
    assert frame is not None
    assert unpack_strings(frame[1]) == items


def test_nothing_comes_after_the_other_side_closed(pair: Pair) -> None:
    pair[0].close()
    assert receive_frame(pair[1]) is None


@pytest.mark.parametrize("sent", [b"\x00", struct.pack(">IQ", 10, 0) + b"{}"])
def test_a_frame_cut_short_is_an_error(pair: Pair, sent: bytes) -> None:
    pair[0].sendall(sent)
    pair[0].close()
    with pytest.raises(ProtocolError, match="ended in the middle"):
        receive_frame(pair[1])


@pytest.mark.parametrize("head", [b"nonsense", b"[1]", b"\xff"])
def test_a_header_must_be_a_json_object(pair: Pair, head: bytes) -> None:
    pair[0].sendall(struct.pack(">IQ", len(head), 0) + head)
    with pytest.raises(ProtocolError, match="the header is"):
        receive_frame(pair[1])


def test_a_frame_that_claims_to_be_huge_is_refused_before_it_is_read(pair: Pair) -> None:
    pair[0].sendall(struct.pack(">IQ", 2, 2**60))
    with pytest.raises(ProtocolError, match="send fewer rows"):
        receive_frame(pair[1])


def test_a_frame_too_large_is_not_sent(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_BODY_BYTES", 10)
    with pytest.raises(ProtocolError, match="send fewer rows"):
        send_frame(pair[0], {}, b"x" * 11)
    pair[0].close()
    assert receive_frame(pair[1]) is None


def test_a_deadline_holds_for_the_whole_frame(pair: Pair) -> None:
    pair[0].sendall(b"\x00")
    with pytest.raises(TimeoutError):
        receive_frame(pair[1], time.monotonic() + 0.05)


@pytest.mark.parametrize(
    "described",
    [
        [{"name": "a", "dtype": "|O", "shape": [1], "bytes": 8}],
        [{"name": "a", "dtype": "<f4", "shape": [3], "bytes": 8}],
        [{"name": "a", "dtype": "<f4", "shape": [2], "bytes": 99}],
        [{"name": "a", "dtype": "nonsense", "shape": [2], "bytes": 8}],
        [{"dtype": "<f4"}],
    ],
)
def test_arrays_must_match_their_description(described: list[dict[str, Any]]) -> None:
    if described[0].get("bytes") == 99:
        described[0]["shape"] = [25]
    with pytest.raises(ProtocolError):
        unpack_arrays(described, b"\x00" * 8)


@pytest.mark.parametrize("body", [b"\x00", b"\x00\x00\x00\x05abc"])
def test_strings_cut_short_are_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        unpack_strings(body)


def test_objects_are_never_sent() -> None:
    with pytest.raises(ProtocolError, match="cannot be sent"):
        pack_arrays({"when": np.array(["2013-01-01"], dtype="datetime64[D]")})


def test_a_worker_error_keeps_its_reason_between_processes() -> None:
    copy = pickle.loads(pickle.dumps(WorkerError("slow", reason="timeout", edit="a.key")))
    assert (copy.message, copy.reason, copy.edit) == ("slow", "timeout", "a.key")
