"""The client answers within its time, and says what is wrong without the token."""

from __future__ import annotations

import time

import pytest

from taxiway.errors import TaxiwayError
from taxiway.registry.outbox.senders import ReceiverAway
from taxiway.tracking.mlflow.client import Client, Refused
from tests.receiver import Receiver, receiving
from tests.taxiway.tracking.mirror.conftest import free_port
from tests.taxiway.tracking.mirror.proxy import TRICKLES, proxied

TOKEN = "T0KEN-that-no-one-may-read"


def ask(server: Receiver, seconds: float = 5.0) -> None:
    with Client(f"http://127.0.0.1:{server.server_port}/mlflow", "MY_TOKEN", seconds) as client:
        client.call("POST", "runs/create", {})


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (None, ReceiverAway, "Remote end closed connection"),
        (503, ReceiverAway, "status 503"),
        (500, Refused, "status 500"),
        (401, Refused, "status 401"),
        (302, Refused, "status 302"),
    ],
)
def test_each_way_to_fail_is_told_and_the_token_is_not(
    answer: int | None, kind: type[TaxiwayError], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    with receiving() as server:
        server.answer = answer
        with pytest.raises(kind, match=told) as raised:
            ask(server)
        ((_, path, headers, _),) = server.requests
    assert path == "/mlflow/api/2.0/mlflow/runs/create"
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(raised.value)
    if answer == 401:
        assert "the environment variable MY_TOKEN (tracking.token_env)" in raised.value.edit


def test_without_a_token_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_TOKEN", raising=False)
    with receiving() as server:
        ask(server)  # 204: an empty answer
        ((_, _, headers, _),) = server.requests
    assert "Authorization" not in headers


def test_a_server_that_hangs_is_left_when_the_time_is_over() -> None:
    with receiving() as server:
        server.answer = 0
        began = time.monotonic()
        with pytest.raises(ReceiverAway, match="timed out"):
            ask(server, 0.3)
        assert time.monotonic() - began < 1.0


def test_so_is_one_that_trickles_and_never_lets_a_socket_time_out() -> None:
    with proxied("http://127.0.0.1:9") as proxy:
        proxy.set(TRICKLES)
        began = time.monotonic()
        with (
            Client(f"http://127.0.0.1:{proxy.server_port}", "MY_TOKEN", 0.5) as client,
            pytest.raises(ReceiverAway, match="timed out"),
        ):
            client.call("GET", "runs/search", {})
        assert time.monotonic() - began < 1.2


def test_nothing_that_listens_is_told_with_what_starts_it() -> None:
    with (
        Client(f"http://127.0.0.1:{free_port()}", "MY_TOKEN", 5.0) as client,
        pytest.raises(ReceiverAway, match="Connection refused") as raised,
    ):
        client.call("GET", "runs/search", {})
    assert "`taxiway mlflow`" in raised.value.edit
