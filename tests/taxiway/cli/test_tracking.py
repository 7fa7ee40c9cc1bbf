"""`taxiway mlflow` and `taxiway tensorboard` say why they do not start; moved aliases are told."""

from __future__ import annotations

import socket
import sys

import pytest

from taxiway.registry.outbox.messages import list_messages
from tests.conftest import TINY, CommandLine
from tests.taxiway.cli.conftest import Desk

AWAY = "http://127.0.0.1:9"
MIRRORED = ("--set", "tracking.kind=mlflow", "--set", f"tracking.uri={AWAY}")


def test_a_server_on_another_machine_is_not_ours_to_serve(here: CommandLine) -> None:
    uri = "https://mlflow.example.com"
    options = ("--set", "tracking.kind=mlflow", "--set", f"tracking.uri={uri}")
    done = here("mlflow", "--config", TINY, *options)
    assert done.code == 2
    assert f"tracking.uri is {uri}, a server of its own" in done.err
    assert f"edit: open {uri}, or change tracking.uri" in done.err


def test_without_the_package_the_extra_is_named(
    here: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taxiway.tracking.mlflow.server.find_spec", lambda _: None)
    done = here("mlflow", "--config", TINY)
    assert done.code == 2
    assert "`taxiway mlflow` needs the package 'mlflow', which is not installed here" in done.err
    assert "taxiway[mlflow]" in done.err


@pytest.mark.parametrize("command", ["mlflow", "tensorboard"])
def test_where_taxiway_tracking_was_taken_away_they_say_so(
    command: str, here: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("taxiway.tracking.mlflow.post", "taxiway.tracking.tensorboard"):
        monkeypatch.setitem(sys.modules, name, None)
    done = here(command, "--config", TINY)
    assert done.code == 2
    assert f"`taxiway {command}` needs taxiway/tracking" in done.err


def test_a_port_that_is_taken_is_told_with_the_key(here: CommandLine, desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        uri = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = desk("mlflow", "--set", "tracking.kind=mlflow", "--set", f"tracking.uri={uri}")
    assert done.code == 1
    assert f"something listens at {uri.removeprefix('http://')} already" in done.err
    assert "edit: tracking.uri" in done.err


def test_an_alias_that_moves_is_told_and_the_command_does_not_wait_for_it(desk: Desk) -> None:
    version = desk.queued("one")
    done = desk("models", "alias", version.subject, "candidate", *MIRRORED)
    assert (done.code, done.out) == (0, f"tiny@candidate is {version.subject}\n")
    done = desk("models", "alias", version.subject, "candidate", "--remove", *MIRRORED)
    assert done.code == 0
    told = [message.payload["aliases"] for message in list_messages(desk.database)]
    assert told == [
        {"model": "tiny", "versions": {"candidate": version.name}},
        {"model": "tiny", "versions": {}},
    ]


def test_what_waits_for_mlflow_is_flushed_as_all_else_is(desk: Desk) -> None:
    version = desk.queued("one")
    desk("models", "alias", version.subject, "candidate", *MIRRORED)
    done = desk("outbox", "flush")
    assert done.code == 1
    assert "1 taken: 0 sent, 1 failed, 0 given up; 0 left" in done.out
    assert f"no answer from MLflow at {AWAY}: Connection refused" in done.out
