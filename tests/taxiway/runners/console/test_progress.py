"""What a run shows while it runs: a live table on a terminal, a line an event elsewhere."""

from __future__ import annotations

import io
import logging
import re
from typing import Any

import pytest

from taxiway.metadata.records import ArtifactRecord, ErrorKind, NodeRecord, Outcome
from taxiway.process.progress import Progress as HowFar
from taxiway.runners.console.progress import MARKS, STYLES, Progress
from taxiway.runners.console.terminal import TerminalConsole
from taxiway.runners.nodes.event_log import EventLog
from taxiway.runners.nodes.events import (
    Event,
    NodeCached,
    NodeFailed,
    NodeFinished,
    NodeMessage,
    NodeProgress,
    NodeSkipped,
    NodeStarted,
    RunEnded,
    RunObserver,
    RunStarted,
)

RUN = "r1"


def record(node: str, kind: str = "Model", key: str = "out", **properties: Any) -> NodeRecord:
    artifact = ArtifactRecord(1, kind, "/none", properties)
    return NodeRecord(node, 1, "COMPLETE", 0.0, {key: (artifact,)})


def failed(kind: ErrorKind, node: str = "Node") -> NodeFailed:
    return NodeFailed(RUN, node, "the reason\nand more", kind=kind, seconds=2.0)


# For each state: the events that lead to it, and what is then shown beside the node's name.
STATES: dict[str, tuple[list[Event], tuple[str, ...]]] = {
    "waiting": ([], ()),
    "running": ([NodeStarted(RUN, "Node")], ()),
    "done": (
        [NodeStarted(RUN, "Node"), NodeFinished(RUN, "Node", record("Node"), 1.5)],
        ("1.5", "model"),
    ),
    "cached": ([NodeCached(RUN, "Node", record("Node", "Schema"), 0.1)], ("0.1", "schema")),
    "skipped": ([NodeSkipped(RUN, "Node", "its condition is false")], ("its condition is false",)),
    "failed": ([NodeStarted(RUN, "Node"), failed(ErrorKind.FAILED)], ("2.0", "the reason")),
    "stopped": ([NodeStarted(RUN, "Node"), failed(ErrorKind.STOPPED)], ("2.0", "the reason")),
    "interrupted": (
        [NodeStarted(RUN, "Node"), failed(ErrorKind.INTERRUPTED)],
        ("2.0", "the reason"),
    ),
    "killed": ([NodeStarted(RUN, "Node"), failed(ErrorKind.KILLED)], ("2.0", "the reason")),
}


def shown(events: list[Event], terminal: bool = False, nodes: tuple[str, ...] = ("Node",)) -> str:
    """All that a Progress prints of a run with these events; of a terminal, the last picture."""
    console = TerminalConsole(force_terminal=terminal, record=True, width=120, file=io.StringIO())
    progress = Progress(console)
    progress.on_event(RunStarted(RUN, nodes))
    for event in events:
        progress.on_event(event)
    progress.on_event(RunEnded(RUN, Outcome.SUCCEEDED))
    if terminal:
        console.export_text(clear=True)
        console.print(progress)
    return console.export_text()


def line_of(text: str, node: str = "Node") -> str:
    return next(line for line in text.splitlines() if re.search(rf"\b{node}\b", line))


def test_the_table_of_states_is_whole() -> None:
    assert set(STATES) == set(STYLES)


@pytest.mark.parametrize("state", STATES)
def test_a_terminal_shows_each_state_in_the_table(state: str) -> None:
    events, told = STATES[state]
    line = line_of(shown(events, terminal=True))
    for text in (state, *told):
        assert text in line
    assert "and more" not in line


@pytest.mark.parametrize(
    "state", [state for state in STATES if state not in ("waiting", "running")]
)
def test_a_file_gets_one_line_for_each_node_that_ended(state: str) -> None:
    events, told = STATES[state]
    first, *lines = shown(events).splitlines()
    assert first == "run r1, 1 nodes"
    assert len(lines) == 1
    assert lines[0].split()[:2] == ["Node", state]
    for text in told:
        assert text in lines[0]


@pytest.mark.parametrize("state", ["waiting", "running"])
def test_a_file_hears_nothing_of_nodes_that_have_not_ended(state: str) -> None:
    assert shown(STATES[state][0]).splitlines() == ["run r1, 1 nodes"]


def test_a_running_node_shows_its_seconds_and_a_spinner() -> None:
    line = line_of(shown([NodeStarted(RUN, "Node")], terminal=True))
    assert re.search(r"running\s+0\.\d", line)
    assert not line.startswith(" ")


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "file"])
def test_a_message_is_shown_and_stays_with_what_the_node_made(terminal: bool) -> None:
    message = NodeMessage(RUN, "Node", "no Docker: runs on the host")
    text = shown([NodeStarted(RUN, "Node"), message], terminal)
    assert "no Docker: runs on the host" in text
    done = shown([message, NodeFinished(RUN, "Node", record("Node"), 1.0)], terminal)
    assert "model, no Docker: runs on the host" in done


def test_a_node_that_was_not_announced_is_shown_too() -> None:
    assert "(runner)" in shown([NodeFailed(RUN, "(runner)", "no disk")], terminal=True)


def test_the_live_table_ends_with_the_run() -> None:
    progress = Progress(TerminalConsole(force_terminal=True, width=80, file=io.StringIO()))
    progress.on_event(RunStarted(RUN, ("Node",)))
    live = progress._live
    assert live is not None
    assert live.is_started
    progress.on_event(RunEnded(RUN, Outcome.SUCCEEDED))
    assert not live.is_started
    progress.on_event(RunEnded(RUN, Outcome.SUCCEEDED))  # and a second end is no error


class TestWhyTheEvaluatorRanAgain:
    """Told only where it would puzzle: the model is cached, the Evaluator is not."""

    WHY = "ran again: its baseline, the latest blessed model, is a new one"

    def told(self, trainer: Event | None, evaluator: type[Any], **properties: Any) -> bool:
        properties = {"blessed": 1, "current_model_id": 1, **properties}  # the trainer's model
        evaluated = record("Evaluator", "ModelBlessing", "blessing", **properties)
        events = [*([trainer] if trainer else []), evaluator(RUN, "Evaluator", evaluated, 1.0)]
        return self.WHY in shown(events, nodes=("Evaluator",))

    cached = NodeCached(RUN, "Trainer", record("Trainer"), 0.0)
    trained = NodeFinished(RUN, "Trainer", record("Trainer"), 9.0)

    def test_a_cached_model_with_a_new_baseline(self) -> None:
        assert self.told(self.cached, NodeFinished, baseline_model_id=7)

    def test_not_where_the_model_is_new(self) -> None:
        assert not self.told(self.trained, NodeFinished, baseline_model_id=7)

    def test_not_where_the_trainer_is_unknown(self) -> None:
        assert not self.told(None, NodeFinished, baseline_model_id=7)

    def test_not_where_there_is_no_baseline(self) -> None:
        assert not self.told(self.cached, NodeFinished)

    def test_not_where_it_is_cached_itself(self) -> None:
        assert not self.told(self.cached, NodeCached, baseline_model_id=7)


EVENTS: tuple[Event, ...] = (
    RunStarted(RUN, ("Node",)),
    NodeStarted(RUN, "Node"),
    NodeMessage(RUN, "Node", "a message"),
    NodeProgress(RUN, "Node", HowFar(1, 2)),
    NodeFinished(RUN, "Node", record("Node"), 1.0),
    NodeCached(RUN, "Node", record("Node"), 1.0),
    NodeSkipped(RUN, "Node", "its condition"),
    failed(ErrorKind.FAILED),
    RunEnded(RUN, Outcome.FAILED, failed(ErrorKind.FAILED), 3.0),
)


@pytest.mark.parametrize(
    "event",
    [event for event in EVENTS if not isinstance(event, NodeProgress)],
    ids=lambda event: type(event).__name__,
)
def test_the_log_gets_one_line_an_event_without_the_bulky_record(
    event: Event, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "taxiway"):
        EventLog().on_event(event)
    (message,) = caplog.messages
    assert message.startswith(f"{type(event).__name__} run_id='r1'")
    assert "record" not in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "observer", [Progress(TerminalConsole(quiet=True)), EventLog()], ids=["progress", "log"]
)
def test_an_observer_takes_every_event(observer: RunObserver) -> None:
    for event in EVENTS:
        observer.on_event(event)


STEPS = [NodeProgress(RUN, "Node", HowFar(done, 8, rows=done * 150_000)) for done in range(1, 5)]


class TestHowFarANodeIs:
    def test_a_terminal_shows_it_while_the_node_runs(self) -> None:
        line = line_of(shown([NodeStarted(RUN, "Node"), *STEPS], terminal=True))
        assert "4 of 8 shards, 600,000 rows" in line

    def test_and_what_it_made_when_it_has_ended(self) -> None:
        done = NodeFinished(RUN, "Node", record("Node"), 1.5)
        line = line_of(shown([NodeStarted(RUN, "Node"), *STEPS, done], terminal=True))
        assert line.endswith("model")
        assert "shards" not in line

    def test_eighty_columns_are_enough(self) -> None:
        view = Progress(TerminalConsole(force_terminal=True, width=80, file=io.StringIO()))
        view.on_event(RunStarted(RUN, ["DistributionValidator"]))
        view.on_event(NodeStarted(RUN, "DistributionValidator"))
        far = HowFar(3, 10, "epochs", note="loss 0.4123, val_loss 0.4001, at most 1,234 s left")
        view.on_event(NodeProgress(RUN, "DistributionValidator", far))
        console = TerminalConsole(width=80, file=io.StringIO(), record=True)
        console.print(view)
        text = console.export_text()
        assert all(len(line) <= 80 for line in text.splitlines())
        assert far.text.split() == [word for word in text.split() if word in far.text.split()]

    def test_a_file_hears_nothing_of_what_is_done_soon(self) -> None:
        assert shown([NodeStarted(RUN, "Node"), *STEPS]).splitlines() == ["run r1, 1 nodes"]

    @pytest.mark.parametrize("seconds", [0.0, 1000.0])
    def test_it_gets_a_line_each_time_so_many_seconds_have_passed(self, seconds: float) -> None:
        out = TerminalConsole(file=io.StringIO(), record=True, width=120)
        view = Progress(out, pace_seconds=seconds)
        for event in (RunStarted(RUN, ["Node"]), NodeStarted(RUN, "Node"), *STEPS):
            view.on_event(event)
        lines = out.export_text().splitlines()[1:]
        assert len(lines) == (0 if seconds else 4)
        assert all(line.split()[:2] == ["Node", "running"] for line in lines)
        assert not lines or lines[-1].endswith("  4 of 8 shards, 600,000 rows")

    @pytest.mark.parametrize("seconds", [0.0, 1000.0])
    def test_so_does_the_log(self, seconds: float, caplog: pytest.LogCaptureFixture) -> None:
        log = EventLog(pace_seconds=seconds)
        with caplog.at_level(logging.INFO, "taxiway"):
            for event in (NodeStarted(RUN, "Node"), *STEPS):
                log.on_event(event)
        told = [f"Node is at {step.progress.text}" for step in STEPS]
        assert caplog.messages[1:] == ([] if seconds else told)

    def test_json_is_not_disturbed(self) -> None:
        out = TerminalConsole(file=io.StringIO(), quiet=True)
        view = Progress(out, pace_seconds=0.0)
        for event in (RunStarted(RUN, ["Node"]), NodeStarted(RUN, "Node"), *STEPS):
            view.on_event(event)
        out.show_json({"a": 1})
        assert out.file.getvalue() == '{\n  "a": 1\n}\n'  # type: ignore[attr-defined]  # it is a StringIO


@pytest.mark.parametrize("kind", ErrorKind)
def test_however_a_node_ends_it_has_a_colour_and_a_mark(kind: ErrorKind) -> None:
    assert kind.value in STYLES
    assert kind.value in MARKS
