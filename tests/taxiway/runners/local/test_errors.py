"""How the local runner words a failure, and what outcome it makes of it."""

from __future__ import annotations

import signal
import threading
from typing import Any

import pytest

from taxiway.errors import ConfigError, GateStopped, TaxiwayError
from taxiway.metadata.records import ErrorKind, Outcome
from taxiway.runners.nodes.events import NodeFailed, NodeStarted
from tests.conftest import TINY

pytestmark = pytest.mark.pipeline


@pytest.fixture
def local() -> Any:
    from taxiway.runners.local import runner as local

    return local


def caused(outer: BaseException, inner: BaseException) -> BaseException:
    """`raise outer from inner`."""
    outer.__cause__ = inner
    return outer


def while_handling(outer: BaseException, inner: BaseException) -> BaseException:
    """`raise outer` within `except inner`."""
    outer.__context__ = inner
    return outer


GATE = GateStopped("2 anomalies:\n  - temp", edit="the data")
DESCRIBED: dict[str, tuple[BaseException, tuple[str, str], ErrorKind]] = {
    "our own words": (
        TaxiwayError("no disk\nat all", edit="output.root"),
        ("no disk\nat all", "output.root"),
        ErrorKind.FAILED,
    ),
    "a config error": (ConfigError("wrong"), ("wrong", ""), ErrorKind.FAILED),
    "a gate": (GATE, ("2 anomalies:\n  - temp", "the data"), ErrorKind.STOPPED),
    "a gate below Beam's wrapping": (
        caused(RuntimeError("[while running 'Run[DataGate]']"), caused(ValueError("x"), GATE)),
        ("2 anomalies:\n  - temp", "the data"),
        ErrorKind.STOPPED,
    ),
    "a gate while another was handled": (
        while_handling(RuntimeError("publishing failed"), GATE),
        ("2 anomalies:\n  - temp", "the data"),
        ErrorKind.STOPPED,
    ),
    "Ctrl-C": (KeyboardInterrupt(), ("interrupted", ""), ErrorKind.INTERRUPTED),
    "Ctrl-C within a library": (
        while_handling(RuntimeError("pool closed"), KeyboardInterrupt()),
        ("interrupted", ""),
        ErrorKind.INTERRUPTED,
    ),
    "Ctrl-C while a gate stopped": (
        while_handling(KeyboardInterrupt(), GATE),
        ("2 anomalies:\n  - temp", "the data"),
        ErrorKind.INTERRUPTED,
    ),
    "a library's error": (
        ValueError("\nshape (3,) is not (4,)\nTraceback ..."),
        ("ValueError: shape (3,) is not (4,)", ""),
        ErrorKind.FAILED,
    ),
    "an error without a word": (MemoryError(), ("MemoryError: no message", ""), ErrorKind.FAILED),
}


@pytest.mark.parametrize("case", DESCRIBED)
def test_a_failure_is_told_in_our_words_and_of_its_kind(case: str) -> None:
    from taxiway.runners.nodes import results as ends

    error, told, kind = DESCRIBED[case]
    assert ends.describe_error(error) == told
    assert ends.error_kind(error) is kind


@pytest.mark.parametrize(
    ("kind", "interrupted", "outcome"),
    [
        (None, False, Outcome.SUCCEEDED),
        (ErrorKind.FAILED, False, Outcome.FAILED),
        (ErrorKind.STOPPED, False, Outcome.STOPPED),
        (ErrorKind.INTERRUPTED, False, Outcome.INTERRUPTED),
        (None, True, Outcome.INTERRUPTED),
        (ErrorKind.FAILED, True, Outcome.INTERRUPTED),
    ],
)
def test_a_run_ends_as_its_first_failure_did(
    local: Any, kind: ErrorKind | None, interrupted: bool, outcome: Outcome
) -> None:
    failure = kind and NodeFailed("r1", "Trainer", "broke", kind=kind)
    assert local._outcome(failure, interrupted) is outcome


class Watcher:
    """An observer that remembers, and one that breaks."""

    def __init__(self, breaks: bool = False) -> None:
        self.events: list[Any] = []
        self.breaks = breaks

    def on_event(self, event: Any) -> None:
        self.events.append(event)
        if self.breaks:
            raise OSError("the terminal has gone")


def test_who_watches_a_run_cannot_break_it(local: Any, caplog: pytest.LogCaptureFixture) -> None:
    from taxiway.config.loader import load_config

    broken, whole = Watcher(breaks=True), Watcher()
    run = local._Run("r1", load_config([TINY]), None, [broken, whole], nodes={})
    failures = [NodeFailed("r1", name, "broke") for name in ("First", "Second")]
    for event in (NodeStarted("r1", "First"), *failures):
        run.emit(event)
    assert whole.events == broken.events == [NodeStarted("r1", "First"), *failures]
    assert run.failure == failures[0]
    assert run.ended_nodes == {"First", "Second"}
    assert caplog.text.count("Watcher failed on") == 3


def test_sigterm_interrupts_and_is_given_back(local: Any) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), local._interruptible():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_outside_the_main_thread_signals_are_left_alone(local: Any) -> None:
    seen: list[Any] = []

    def body() -> None:
        with local._interruptible():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
