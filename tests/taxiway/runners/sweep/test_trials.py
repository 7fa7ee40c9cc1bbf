"""What a sweep makes of what the process says that trials are forked from."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taxiway.errors import TaxiwayError
from taxiway.registry.sweeps import Trial
from taxiway.runners.sweep.trial import Order, Result
from taxiway.runners.sweep.trials import Server

ORDER = Order({}, {}, Trial(2, {"a": "1"}, "run"), "taxiway sweep", [Trial(1, {"a": "0"}, "r")])
RESULT = {"state": "complete", "objective": 0.5, "curve": [0.1, 0.5]}


class Process:
    """Says lines, or raises; its exit code is that of a process that was killed."""

    def __init__(self, *said: dict[str, Any] | BaseException) -> None:
        self.stdin = io.StringIO()
        self.stdout = self
        self._said: Iterator[dict[str, Any] | BaseException] = iter(said)

    def readline(self) -> str:
        one = next(self._said, None)
        if isinstance(one, BaseException):
            raise one
        return "" if one is None else json.dumps(one) + "\n"

    def wait(self) -> int:
        return -signal.SIGKILL


def server(*said: dict[str, Any] | BaseException) -> Server:
    process: Any = Process(*said)
    return Server(process, Path("server.log"))


def test_an_order_is_read_from_what_it_was_written_as() -> None:
    assert Order.from_line(ORDER.to_line()) == ORDER


def test_a_trial_is_told_while_it_runs_and_gives_its_result() -> None:
    told: list[str] = []
    said = ({"ready": True}, {"begun": 1}, {"doing": "Trainer"}, {"result": RESULT}, {"ended": 0})
    assert server(*said).run(ORDER, told.append) == Result(
        "complete", objective=0.5, curve=[0.1, 0.5]
    )
    assert told == ["Trainer"]


def test_a_trial_whose_process_is_killed_has_failed_and_no_other() -> None:
    result = server({"begun": 1}, {"ended": -9}).run(ORDER, print)
    assert result.state == "failed"
    assert result.reason == ("its process died: SIGKILL; see run.log in its folder, or server.log")


def test_ctrl_c_is_handed_on_to_the_trial_whose_end_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *words: sent.append(words))
    interrupted = {"result": {"state": "interrupted"}}
    said = ({"begun": 7}, KeyboardInterrupt(), interrupted, {"ended": 0})
    assert server(*said).run(ORDER, print).state == "interrupted"
    assert sent == [(7, signal.SIGINT)]


def test_ctrl_c_before_a_trial_has_begun_ends_the_sweep() -> None:
    with pytest.raises(KeyboardInterrupt):
        server(KeyboardInterrupt()).run(ORDER, print)


def test_without_the_process_no_trial_can_be_run() -> None:
    with pytest.raises(TaxiwayError, match="the process that runs trials is gone: SIGKILL"):
        server({"ready": True}).run(ORDER, print)
