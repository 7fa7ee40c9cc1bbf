"""A run in which nothing has changed is recorded as TFX would have, and told so only then."""

from __future__ import annotations

import itertools
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.metadata.records import ArtifactRecord
from taxiway.metadata.store import RunStore, run_store
from taxiway.process.inventory import fault
from tests.conftest import TINY

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("unchanged")]

NUMBERS = itertools.count()
NODES = ("CsvExampleGen", "Hyperparameters", "LatestBlessedModel", "Learn", "Bless", "Send")


@dataclass
class Project:
    """A folder with a pipeline's input and store."""

    root: Path
    events: list[Any] = field(default_factory=list)

    @property
    def config(self) -> Config:
        return load_config([TINY], [f"output.root={self.root}"])

    @property
    def runs(self) -> RunStore:
        return run_store(self.config.metadata)

    @property
    def store(self) -> Any:
        return self.runs.mlmd

    def on_event(self, event: Any) -> None:
        self.events.append(event)

    def run(self, run_id: str, **changed: Any) -> str:
        """Runs the chain; how each node ended, such as Ca for cached, in the order of the nodes."""
        from taxiway.runners.local.runner import LocalRunner
        from tests.taxiway.runners.chain import create_chain

        self.events.clear()
        runner = LocalRunner(self.config, [self])
        runner.run_pipeline(create_chain(self.root, **changed), run_id)
        kinds = {event.node_id: type(event).__name__ for event in self.events if self._ends(event)}
        return " ".join(kinds[node].removeprefix("Node")[:2] for node in NODES)

    def fails(self, run_id: str, **changed: Any) -> None:
        """Runs the chain, which has to fail in a node."""
        states = self.run(run_id, **changed)
        assert "Fa" in states
        assert self.events[-1].failure.node_id in NODES

    def heard(self) -> list[tuple[str, str]]:
        """How far nodes said that they were, while they ran."""
        told = [event for event in self.events if type(event).__name__ == "NodeProgress"]
        return [(event.node_id, event.progress.text) for event in told]

    def made(self, run_id: str, node: str, key: str) -> ArtifactRecord:
        """What a node of a run hands on."""
        (record,) = (one for one in self.runs.nodes(run_id) if one.node_id == node)
        artifact = record.output(key)
        assert artifact is not None
        return artifact

    def was_recorded(self) -> bool:
        """Whether the newest run launched no node: each took no time at all."""
        ended = [event for event in self.events if hasattr(event, "record")]
        return bool(ended) and all(event.seconds == 0.0 for event in ended)

    def lineage(self, run_id: str) -> dict[str, Any]:
        """All that the store knows of a run, without its own ids and times."""
        store = self.store
        run = store.get_context_by_type_and_name("pipeline_run", run_id)
        artifacts = sorted(one.id for one in store.get_artifacts_by_context(run.id))
        return {"artifacts": artifacts} | {
            record.node_id: self._execution(record.execution_id, run_id)
            for record in self.runs.nodes(run_id)
        }

    def _execution(self, execution_id: int, run_id: str) -> dict[str, Any]:
        store = self.store
        (execution,) = store.get_executions_by_id([execution_id])
        for name in ("id", "name", "create_time_since_epoch", "last_update_time_since_epoch"):
            execution.ClearField(name)
        events = store.get_events_by_execution_ids([execution_id])
        contexts = store.get_contexts_by_execution(execution_id)
        return {
            "execution": execution,
            "events": sorted((one.type, one.artifact_id, str(one.path)) for one in events),
            "contexts": sorted(
                (one.type, "this run" if one.name == run_id else one.name) for one in contexts
            ),
        }

    @staticmethod
    def _ends(event: Any) -> bool:
        kind = type(event).__name__
        return hasattr(event, "node_id") and kind not in ("NodeStarted", "NodeProgress")


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after two runs: the first has made a model, the second found it as its baseline."""
    root = tmp_path_factory.mktemp("chain")
    (root / "input").mkdir()
    rows = [f"{number},{number % 2}" for number in range(50)]
    (root / "input" / "data.csv").write_text("\n".join(["a,late", *rows, ""]))
    project = Project(root)
    assert project.run("first") == "Fi Fi Fi Fi Fi Fi"
    assert project.heard() == [("Learn", "1 of 2 epochs")]
    assert project.run("second") == "Ca Ca Fi Ca Ca Ca"
    assert not project.was_recorded()
    return root


@pytest.fixture
def project(two_runs: Path) -> Project:
    """The same, whatever tests before have done to it, with one more run of the plain chain."""
    project = Project(two_runs)
    project.run(f"before {next(NUMBERS)}")
    return project


def test_it_is_recorded_as_tfx_does_where_it_caches_each_node(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from taxiway.runners.local import runner as local

    assert project.run("recorded") == "Ca Ca Fi Ca Ca Ca"
    assert project.was_recorded()
    monkeypatch.setattr(local, "find_unchanged", lambda *_: None)
    assert project.run("node by node") == "Ca Ca Fi Ca Ca Ca"
    assert not project.was_recorded()
    ours, theirs = project.lineage("recorded"), project.lineage("node by node")
    assert ours == theirs
    assert len(theirs) == len(NODES) + 1


def test_it_is_told_in_the_order_of_the_nodes(project: Project) -> None:
    project.run("told")
    told = [(type(one).__name__, getattr(one, "node_id", "")) for one in project.events]
    assert told[0] == ("RunStarted", "")
    assert told[-1] == ("RunEnded", "")
    ends = ["NodeFinished" if node == "LatestBlessedModel" else "NodeCached" for node in NODES]
    middle = zip(("NodeStarted",) * len(NODES), ends, NODES, strict=True)
    assert told[1:-1] == [(kind, node) for start, end, node in middle for kind in (start, end)]


def test_no_node_is_run_again(project: Project) -> None:
    before = (project.root / "sent.txt").read_text()
    project.run("not sent")
    assert (project.root / "sent.txt").read_text() == before
    assert before


def test_a_node_whose_condition_is_false_is_skipped_again(project: Project) -> None:
    assert project.run("refused", blessed=0) == "Ca Ca Fi Ca Fi Sk"
    assert project.run("refused again", blessed=0) == "Ca Ca Fi Ca Ca Sk"
    assert project.was_recorded()
    assert not project.lineage("refused again").keys() & {"Send"}


CHANGES = {
    "an exec property": {"blessed": 2},
    "a property of what is imported": {"rate": "0.2"},
    "an importer that imports each time": {"reimport": True},
    "no cache": {"cache": False},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_pipeline_is_seen(project: Project, change: str) -> None:
    project.run(change, **CHANGES[change])
    assert not project.was_recorded()


@pytest.mark.parametrize("change", ["no cache", "an importer that imports each time"])
def test_what_runs_each_time_is_never_recorded(project: Project, change: str) -> None:
    for again in range(2):
        project.run(f"{change} {again}", **CHANGES[change])
        assert not project.was_recorded()


def test_a_node_that_takes_the_runs_id_runs_each_time(project: Project) -> None:
    from tests.taxiway.runners.chain import RUN_ID

    for run_id in ("with id 1", "with id 2"):
        assert project.run(run_id, note=RUN_ID).endswith("Fi")
        assert (project.root / "sent.txt").read_text().endswith(f" {run_id}\n")


def test_a_new_file_is_seen(project: Project) -> None:
    added = project.root / "input" / "more.csv"
    added.write_text("a,late\n1,0\n")
    try:
        assert project.run("one more file").startswith("Fi")
    finally:
        added.unlink()


def test_a_new_blessed_model_is_seen(project: Project) -> None:
    project.run("trained anew", cache=False)
    assert project.run("another baseline").startswith("Ca Ca Fi")
    assert not project.was_recorded()
    project.run("the same baseline")
    assert project.was_recorded()


def test_another_version_of_a_library_is_seen(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from taxiway.process import code_digest as code

    project.run("as it was")
    assert project.was_recorded()
    monkeypatch.setattr(code, "versions", lambda _: {"tfx": "9"})
    assert project.run("upgraded") == "Fi Ca Fi Fi Fi Fi"
    assert project.run("upgraded again").startswith("Ca Ca Fi Ca")


def test_code_that_is_edited_while_a_run_is_under_way_stops_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its outputs would be in the cache as those of the code before."""
    from taxiway.process import code_digest as code

    def edit(event: Any) -> None:
        project.events.append(event)
        if type(event).__name__ == "NodeStarted" and event.node_id == "Learn":
            monkeypatch.setattr(code, "versions", lambda _: {"tfx": "edited"})

    monkeypatch.setattr(project, "on_event", edit)
    project.fails("edited meanwhile", cache=False)
    failure = project.events[-1].failure
    assert failure.node_id == "Learn"
    assert "the code of Learn has been edited since this run began" in failure.reason
    assert "run again" in failure.edit


def emptied(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            path.unlink()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "gone": shutil.rmtree,
    "emptied": emptied,
    "cut": lambda folder: os.truncate(first_file(folder), 3),
    "of other bytes": lambda folder: first_file(folder).write_bytes(
        bytes(first_file(folder).stat().st_size)
    ),
    "one file more": lambda folder: shutil.copy(
        first_file(folder), first_file(folder).with_name("more")
    ),
}


def first_file(folder: Path) -> Path:
    return min(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(("node", "key"), [("CsvExampleGen", "examples"), ("Learn", "model")])
def test_an_artifact_that_is_not_whole_is_not_handed_on_and_it_is_said(
    project: Project, damage: str, node: str, key: str
) -> None:
    """It is made again, or an older one of the same is taken, where there is one."""
    name = f"{node} {damage}"
    project.run(f"{name}: before")
    damaged = project.made(f"{name}: before", node, key)
    DAMAGE[damage](Path(damaged.uri))
    states = project.run(f"{name}: after")
    assert "Fa" not in states
    (told,) = (one.text for one in project.events if hasattr(one, "text") and one.node_id == node)
    assert told.startswith(f"its {key} of before is not reused, since it is not whole: ")
    assert damaged.uri in told
    handed_on = project.made(f"{name}: after", node, key)
    assert handed_on.id != damaged.id
    assert fault(handed_on.uri, handed_on.properties) == ""
    assert project.run(f"{name}: once more").startswith("Ca Ca")


def test_a_node_does_not_start_on_input_that_is_not_whole(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a cleaner comes between two nodes; the next run makes it again."""

    def clean(event: Any) -> None:
        project.events.append(event)
        if type(event).__name__ == "NodeFinished" and event.node_id == "CsvExampleGen":
            emptied(Path(event.record.output("examples").uri))

    with monkeypatch.context() as patch:
        patch.setattr(project, "on_event", clean)
        project.fails("cleaned meanwhile", cache=False)
        failure = project.events[-1].failure
        assert failure.node_id == "Learn"
        assert re.fullmatch(
            r"its input 'examples' is not whole: \S+ has 0 files, 0 bytes \(sha256 e3b0c44298fc\), "
            r"and had 2 files, [\d,]+ bytes \(sha256 [0-9a-f]{12}\)",
            failure.reason,
        )
        assert failure.edit == "nothing: run again, and the node that made it makes it again"
    assert "Fa" not in project.run("after the cleaner")


def test_input_that_is_gone_fails_in_its_node(project: Project) -> None:
    folder = project.root / "input"
    folder.rename(folder.with_name("away"))
    try:
        project.fails("no input")
    finally:
        folder.with_name("away").rename(folder)


def test_a_failed_run_is_not_repeated(project: Project) -> None:
    folder = project.root / "sent.txt"
    folder.rename(folder.with_name("aside"))
    folder.mkdir()
    try:
        for run_id in ("failed", "failed again"):
            project.fails(run_id, note="x")
    finally:
        folder.rmdir()
        folder.with_name("aside").rename(folder)
