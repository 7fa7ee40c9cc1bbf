"""The index of runs: it can be thrown away, and is then made anew, row by row the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select

from taxiway.config.loader import load_config, to_yaml
from taxiway.config.schema import Config
from taxiway.metadata.records import ErrorKind
from taxiway.metadata.store import run_store
from taxiway.registry.database.session import Database, open_database
from taxiway.registry.database.tables import now, runs, tags
from taxiway.registry.runs import IndexedRun, list_runs
from taxiway.tracking.index import index_run, reindex
from tests.conftest import TINY, CommandLine
from tests.taxiway.metadata.test_store import Recorder, State


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    """A config whose registry is a file."""
    yield load_config([TINY], [f"output.root={tmp_path / 'var'}"])
    open_database.cache_clear()


@pytest.fixture
def shared(config: Config, database: Database) -> Iterator[Config]:
    """A config whose registry is on each kind of database in turn."""
    yield config.model_copy(update={"registry": database.settings})
    open_database(database.settings).engine.dispose()


REASON = "why \x00 \ud800"


class Lab:
    """Makes runs as they are found in ML Metadata and in folders."""

    def __init__(self, config: Config) -> None:
        self.config = config
        Path(config.output.root).mkdir(exist_ok=True)
        self.recorder = Recorder(Path(config.metadata.path))  # type: ignore[union-attr]
        self.text = to_yaml(config)

    def register(self, run_id: str) -> None:
        """As a run does before its first node."""
        self.recorder.run(run_id)
        self.recorder.runs.write_properties(
            run_id, {"config": self.text, "command": f"taxiway run --set data.seed={run_id}"}
        )
        folder = self.folder(run_id)
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(self.text)
        (folder / "command.txt").write_text("taxiway run\n")

    def folder(self, run_id: str) -> Path:
        return Path(self.config.output.report_folder(run_id))

    def examples(self, run_id: str, spans: str = "1-3") -> None:
        execution = self.recorder.execution("ArrowExampleGen", State.COMPLETE, run_id)
        fingerprint = f"spans:{spans},num_files:3,sha256:00"
        self.recorder.artifact(execution, "Examples", "examples", input_fingerprint=fingerprint)

    def push(self, run_id: str, version: str) -> None:
        execution = self.recorder.execution("Registrar", State.COMPLETE, run_id)
        self.recorder.artifact(
            execution, "ModelVersion", "model_version", version_name=version, model_name="tiny"
        )

    def end(self, run_id: str, node: str, kind: ErrorKind, reason: str) -> None:
        self.recorder.execution(node, State.RUNNING, run_id)
        self.recorder.runs.close(run_id, node, reason, kind)

    def report(self, run_id: str, outcome: str, auc: float | None = None) -> None:
        overall = {"auc": auc, "undefined": None, "nan": float("nan")}
        told = {
            "pipeline": "tiny",
            "outcome": outcome,
            "failure": None if outcome == "succeeded" else {"node": "Trainer", "reason": REASON},
            "seconds": 12.5,
            "version": "1.4.0" if auc else None,
            "evaluation": {"overall": overall} if auc else None,
        }
        (self.folder(run_id) / "report.json").write_text(json.dumps(told))


def twelve_runs(lab: Lab) -> list[str]:
    """Runs of every outcome, and of every way to be half known."""
    ids = [f"20260301-1200{number:02d}-abcd" for number in range(12)]
    for run_id in ids:
        lab.register(run_id)
        lab.examples(run_id)
    for run_id, version in zip(ids[:3], ("1.0.0", "1.0.1", "1.1.1"), strict=True):
        lab.push(run_id, version)
        lab.report(run_id, "succeeded", 0.75)
    lab.report(ids[3], "succeeded", 0.5)  # not blessed
    lab.end(ids[4], "Trainer", ErrorKind.FAILED, "no memory\nin line two \u202e \x1b[31m")
    lab.report(ids[4], "failed")
    lab.end(ids[5], "DataGate", ErrorKind.STOPPED, "2 anomalies")
    lab.report(ids[5], "stopped")
    lab.end(ids[6], "Trainer", ErrorKind.INTERRUPTED, "interrupted")
    lab.recorder.execution("Trainer", State.RUNNING, ids[7])  # killed, and not yet found
    lab.end(ids[8], "Trainer", ErrorKind.FAILED, "ended without a word: it was killed")
    shutil.rmtree(lab.folder(ids[9]))  # ML Metadata only
    (lab.folder(ids[10]) / "report.json").write_text("{torn")
    lab.push(ids[11], "1.2.1")
    lab.report(ids[11], "succeeded", 0.8)
    return ids


def rows(database: Database) -> dict[str, IndexedRun]:
    return {run.run_id: run for run in list_runs(database)}


def test_an_index_that_is_lost_is_made_anew_row_by_row(shared: Config, database: Database) -> None:
    lab = Lab(shared)
    ids = twelve_runs(lab)
    for run_id in ids:
        index_run(shared, run_id)
    before = rows(database)
    assert sorted(before) == ids
    with database.working() as connection:
        connection.execute(delete(runs))
        tag = {"subject_kind": "run", "subject": ids[0], "key": "keep", "value": "me"}
        connection.execute(insert(tags).values(tag))
    done = reindex(shared)
    assert (done.in_metadata, done.in_folders, done.in_both, done.indexed) == (13, 11, 11, 13)
    after = rows(database)
    assert {run_id: after[run_id] for run_id in ids} == before
    assert reindex(shared) == done
    assert rows(database) == after
    with database.reading() as connection:
        assert connection.execute(select(tags.c.value)).scalars().all() == ["me"]


def test_each_run_is_there_as_what_it_was(config: Config) -> None:
    lab = Lab(config)
    ids = twelve_runs(lab)
    reindex(config)
    found = rows(open_database(config.registry))
    outcomes = [found[run_id].outcome for run_id in ids]
    succeeded, rest = (
        ["succeeded"] * 4,
        ["failed", "stopped", "interrupted", "unfinished", "failed"],
    )
    assert outcomes == [*succeeded, *rest, "succeeded", "succeeded", "succeeded"]
    first = found[ids[0]]
    assert (first.pipeline, first.model) == (config.pipeline.name, config.model.name)
    assert (first.version, first.metrics) == ("1.0.0", {"auc": 0.75})
    assert first.facts["spans"] == "1-3"
    assert first.facts["command"] == f"taxiway run --set data.seed={ids[0]}"
    assert first.facts["report"] == str(lab.folder(ids[0]) / "report.html")
    assert first.facts["lacks"] == []
    assert first.folder == str(lab.folder(ids[0]))
    assert found[ids[4]].failure == "Trainer: no memory\nin line two � ␛[31m"
    assert found[ids[7]].failure == "Trainer: it is under way, or was killed"
    assert found[ids[9]].facts["lacks"] == ["its folder is gone: no metrics"]
    assert found[ids[10]].facts["lacks"] == ["it has no report.json: no metrics"]
    assert "no memory" in found[ids[4]].search_text


def test_a_run_that_only_its_folder_knows_says_what_it_lacks(config: Config) -> None:
    lab = Lab(config)
    lab.register("r1")
    lab.report("r1", "failed", 0.7)
    Path(config.metadata.path).unlink()  # type: ignore[union-attr]
    run_store(config.metadata).disconnect()
    done = reindex(config)
    assert (done.in_metadata, done.in_folders, done.indexed) == (0, 1, 1)
    assert not Path(config.metadata.path).exists()  # type: ignore[union-attr]
    (run,) = list_runs(open_database(config.registry))
    assert (run.outcome, run.version, run.seconds) == ("failed", "1.4.0", 12.5)
    assert (run.failure, run.metrics) == ("Trainer: why ␀ �", {"auc": 0.7})
    assert run.started_at.endswith("Z")
    (lacks,) = run.facts["lacks"]
    assert lacks.startswith("ML Metadata does not know it")


def test_a_folder_with_nothing_in_it_is_a_run_of_which_nothing_is_known(config: Config) -> None:
    Path(config.output.report_folder("r1")).mkdir(parents=True)
    reindex(config)
    (run,) = list_runs(open_database(config.registry))
    assert (run.outcome, run.started_at, run.pipeline) == ("unfinished", "", "")
    assert len(run.facts["lacks"]) == 3


def test_runs_of_another_store_that_shares_the_registry_stay_unless_they_are_pruned(
    shared: Config, database: Database
) -> None:
    lab = Lab(shared)
    lab.register("r1")
    index_run(shared, "r1")
    (mine,) = list_runs(database)
    with database.working() as connection:
        values = {**vars(replace(mine, run_id="bens")), "indexed_at": now()}
        connection.execute(insert(runs).values(values))
    assert reindex(shared).kept == 1
    assert "bens" in rows(database)
    assert reindex(shared, prune=True).removed == 1
    assert "bens" not in rows(database)
    assert "r1" in rows(database)


def test_a_run_that_ends_again_has_one_row_the_newest(shared: Config, database: Database) -> None:
    lab = Lab(shared)
    lab.register("r1")
    lab.recorder.execution("Trainer", State.RUNNING, "r1")
    index_run(shared, "r1")
    assert rows(database)["r1"].outcome == "unfinished"
    lab.recorder.runs.close("r1", "Trainer", "it was killed", ErrorKind.FAILED)
    index_run(shared, "r1")
    assert rows(database)["r1"].outcome == "failed"


def test_a_run_that_neither_knows_gets_no_row(config: Config) -> None:
    index_run(config, "never")
    assert list_runs(open_database(config.registry)) == []


class TestCommands:
    @pytest.fixture
    def options(self, config: Config) -> list[str]:
        twelve_runs(Lab(config))
        return ["--config", TINY, "--set", f"output.root={config.output.root}"]

    def test_reindex_says_its_counts_and_list_shows_the_newest_first(
        self, here: CommandLine, options: list[str]
    ) -> None:
        told = here("runs", "list", *options)
        assert "taxiway runs reindex" in told.out
        told = here("runs", "reindex", *options)
        assert told.code == 0
        assert (
            told.out
            == "13 runs indexed: 13 known to ML Metadata, 11 by a folder, 11 of them by both\n"
        )
        told = here("runs", "list", "--json", "--limit", "2", *options)
        assert len(json.loads(told.out)) == 2
        told = here("runs", "list", "--outcome", "stopped", *options)
        assert "DataGate: 2 anomalies" in told.out
        assert len(told.out.splitlines()) == 2
        assert "\x1b" not in here("runs", "list", *options).out

    def test_an_outcome_that_there_is_not_is_refused(
        self, here: CommandLine, options: list[str]
    ) -> None:
        told = here("runs", "list", "--outcome", "failled", *options)
        assert told.code == 2
        assert "did you mean 'failed'?" in told.err
