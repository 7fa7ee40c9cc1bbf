"""A run that only tries something: an observer may stop it, and it delivers nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from taxiway.config.loader import load_config
from taxiway.metadata.records import Outcome
from taxiway.metadata.store import run_store
from tests.conftest import TINY

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("unchanged")]


class Watching:
    """Keeps the events, and stops at progress where it is to."""

    def __init__(self, stops: bool = False) -> None:
        self.stops = stops
        self.events: list[Any] = []

    def on_event(self, event: Any) -> None:
        from taxiway.runners.nodes.events import NodeProgress, StopRun

        self.events.append(event)
        if self.stops and isinstance(event, NodeProgress):
            raise StopRun("pruned: others are better")

    def of(self, node: str) -> list[str]:
        return [type(one).__name__ for one in self.events if getattr(one, "node_id", "") == node]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "input").mkdir()
    (tmp_path / "input" / "rows.csv").write_text("a,b\n1,2\n3,4\n5,6\n")
    return tmp_path


def run(root: Path, name: str, *observers: Watching, deliver: bool = True) -> Any:
    from taxiway.runners.local.runner import LocalRunner
    from tests.taxiway.runners.chain import create_chain

    config = load_config([TINY], [f"output.root={root}"])
    runner = LocalRunner(config, observers, deliver=deliver)
    return runner.run_pipeline(create_chain(root), name)


def test_an_observer_stops_a_run_with_its_reason_and_all_others_hear_it(project: Path) -> None:
    first, last = Watching(stops=True), Watching()
    ended = run(project, "stopped", first, last)
    assert ended.outcome is Outcome.STOPPED
    assert (ended.failure.node_id, ended.failure.reason) == ("Learn", "pruned: others are better")
    assert last.of("Learn") == ["NodeStarted", "NodeProgress", "NodeFailed"]
    assert last.of("Bless") == ["NodeSkipped"]
    config = load_config([TINY], [f"output.root={project}"])
    (learn,) = [
        one for one in run_store(config.metadata).nodes("stopped") if one.node_id == "Learn"
    ]
    assert learn.error_kind is not None
    assert (learn.error_kind.value, learn.error) == ("stopped", "pruned: others are better")


def test_a_run_that_delivers_nothing_leaves_what_it_trained_for_one_that_does(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from taxiway.runners.nodes import declarations
    from tests.taxiway.runners.chain import Send

    executor: Any = Send.EXECUTOR_SPEC.executor_class
    delivers = declarations.Declaration(delivers=True)
    monkeypatch.setattr(executor, "taxiway_declaration", delivers, raising=False)
    watch = Watching()
    assert run(project, "tried", watch, deliver=False).outcome is Outcome.SUCCEEDED
    assert watch.of("Send") == ["NodeSkipped"]
    assert not (project / "sent.txt").exists()
    watch = Watching()
    assert run(project, "delivered", watch).outcome is Outcome.SUCCEEDED
    assert (watch.of("Learn"), watch.of("Send")) == (
        ["NodeStarted", "NodeCached"],
        ["NodeStarted", "NodeFinished"],
    )
    assert (project / "sent.txt").read_text().count("\n") == 1
