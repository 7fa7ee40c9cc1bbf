"""Twelve runs that end in every way: lineage is what ML Metadata's events say, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ml_metadata import proto

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.lineage.graph import Graph
from taxiway.lineage.printing.tree import backward_trees, forward_trees, lines
from taxiway.metadata.content import read_content
from taxiway.metadata.records import ErrorKind
from taxiway.metadata.store import RunStore, run_store
from taxiway.process.provenance import GIT_COMMIT
from tests.conftest import TINY, once

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("lineage")]

ROWS = "number,label\n1,0\n2,1\n3,0\n4,1\n"
RUNS: dict[str, dict[str, Any]] = {
    "first": {},
    "unchanged": {},
    "another rate": {"rate": "0.2"},
    "first again": {},
    "reimported": {"reimport": True},
    "fails": {"rate": "0.3", "fails": "on purpose"},
    "not blessed": {"rate": "0.4", "blessed": 0},
    "mended": {"rate": "0.3"},
    "other rows": {"rows": ROWS + "5,0\n6,1\n"},
    "no cache": {"cache": False},
    "a run's own": {"note": "run id"},
    "last": {"rate": "0.2"},
}


@dataclass(frozen=True)
class Runs:
    """The store that twelve runs have left."""

    root: Path

    @property
    def config(self) -> Config:
        return load_config([TINY], [f"output.root={self.root}"])

    @property
    def store(self) -> RunStore:
        return run_store(self.config.metadata)

    @property
    def graph(self) -> Graph:
        return Graph(read_content(self.store))


def make_runs(root: Path) -> None:
    from taxiway.runners.local.runner import LocalRunner
    from tests.taxiway.lineage import flow

    runs = Runs(root)
    source = root / "input" / "rows.csv"
    source.parent.mkdir(parents=True)
    for number, (name, changed) in enumerate(RUNS.items()):
        source.write_text(changed.pop("rows", ROWS))
        if changed.get("note"):
            changed["note"] = flow.RUN_ID
        properties = {GIT_COMMIT: f"{number:x}" * 40}
        runner = LocalRunner(runs.config, run_properties=properties, in_sequence=True)
        runner.run_pipeline(flow.create_flow(root, **changed), name)
        ending = LocalRunner(runs.config, in_sequence=True)
        ending.run_pipeline(flow.create_exit(root), f"{name}-exit")
    runs.store.record_failure("last", "Killed", "ended without a word", ErrorKind.FAILED)


@pytest.fixture(scope="module")
def runs(shared_folder: Path) -> Runs:
    return Runs(once(shared_folder, "lineage", lambda folder: make_runs(folder / "var")) / "var")


Found = tuple[list[int], list[int]]


def plain_search(store: Any, start: int, *, back: bool) -> Found:
    """Artifacts and executions, by asking ML Metadata again and again."""
    way_in, way_out = proto.Event.INPUT, proto.Event.OUTPUT
    near, far = (way_out, way_in) if back else (way_in, way_out)
    waiting, artifacts, executions = [start], {start}, set[int]()
    while waiting:
        for event in store.get_events_by_artifact_ids([waiting.pop()]):
            if event.type == near:
                executions.add(event.execution_id)
                for other in store.get_events_by_execution_ids([event.execution_id]):
                    if other.type == far and other.artifact_id not in artifacts:
                        artifacts.add(other.artifact_id)
                        waiting.append(other.artifact_id)
    return sorted(artifacts), sorted(executions)


def test_the_runs_have_ended_in_every_way(runs: Runs) -> None:
    content = runs.graph.content
    assert {one.state for one in content.executions.values()} == {"COMPLETE", "CACHED", "FAILED"}
    assert {*RUNS} <= {*content.runs}
    baselines = [one for one in content.events if one.keys == ("baseline_model",)]
    assert baselines
    assert not [one for one in content.executions.values() if not one.run_id]
    skipped = runs.store.node("not blessed", "Register")
    assert skipped is None


@pytest.mark.parametrize("back", [True, False], ids=["backwards", "forwards"])
def test_every_artifact_has_the_lineage_that_a_plain_search_gives(runs: Runs, back: bool) -> None:
    graph, store = runs.graph, runs.store.mlmd
    known = [artifact.id for artifact in store.get_artifacts()]
    assert len(known) > 30
    for artifact in known:
        found = graph.backwards([artifact]) if back else graph.forwards([artifact])
        expected = plain_search(store, artifact, back=back)
        assert (list(found.artifacts), list(found.executions)) == expected, artifact


def test_trees_of_all_have_each_artifact_once_and_no_other(runs: Runs) -> None:
    graph = runs.graph
    for artifact in graph.content.artifacts:
        backwards = backward_trees(graph, [artifact], every=True, depth=0)
        found = [branch.artifact for _, branch in lines(backwards)]
        met = [branch.artifact for _, branch in lines(backwards) if not _is_baseline(branch)]
        assert sorted(set(found)) == list(graph.backwards([artifact]).artifacts)
        assert len(met) == len(set(met))
        forwards, compared = forward_trees(graph, [artifact], at_top=True, every=True, depth=0)
        made = [branch.artifact for _, branch in lines(forwards)]
        assert sorted([*made, *compared]) == list(graph.forwards([artifact]).artifacts)


def _is_baseline(branch: Any) -> bool:
    return branch.edge is not None and branch.edge.is_baseline
