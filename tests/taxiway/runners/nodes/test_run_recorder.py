"""A run goes on record when it starts and when it ends, and no run fails of it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from taxiway.config.loader import load_config, to_yaml
from taxiway.config.schema import Config
from taxiway.errors import TaxiwayError
from taxiway.metadata.records import ErrorKind, Outcome
from taxiway.metadata.store import run_store
from taxiway.registry.database.session import open_database
from taxiway.runners.nodes.cleanup import end_dead_run
from taxiway.runners.nodes.events import NodeFailed, NodeSkipped, NodeStarted, RunEnded, RunStarted
from taxiway.runners.nodes.run_recorder import record_killed, recorded
from taxiway.tracking.run_record.files import read_record
from taxiway.tracking.run_record.record import RunRecord
from taxiway.tracking.under_way import FILE, killed_where, under_way
from tests.conftest import TINY
from tests.taxiway.metadata.test_store import Recorder, State

PROPERTIES: Mapping[str, str] = {"command": "taxiway run", "lock_sha256": "ab12"}


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    loaded = load_config([TINY], [f"output.root={tmp_path / 'var'}", "cost.per_core_hour=2"])
    Path(loaded.output.report_folder("r1")).mkdir(parents=True)
    yield loaded
    run_store(loaded.metadata).disconnect()
    open_database.cache_clear()


def folder(config: Config) -> Path:
    return Path(config.output.report_folder("r1"))


def record(config: Config) -> RunRecord:
    found = read_record(folder(config))
    assert found is not None
    return found


def test_it_is_on_record_and_under_way_before_anything_has_happened(config: Config) -> None:
    with recorded(config, "r1", PROPERTIES) as recorder:
        begun = record(config)
        assert (begun.outcome, begun.command) == ("unfinished", "taxiway run")
        assert begun.packages.lock == "ab12"
        assert begun.code.files
        assert begun.data.schema_sha256
        assert under_way(folder(config)) is True
        recorder.on_event(RunEnded("r1", Outcome.SUCCEEDED))
    assert record(config).outcome == "succeeded"
    assert record(config).code == begun.code
    assert under_way(folder(config)) is None


def test_it_says_where_it_is_in_its_exit_pipeline_too(config: Config) -> None:
    with recorded(config, "r1", PROPERTIES) as recorder:
        recorder.on_event(RunStarted("r1", ["A", "B"]))
        recorder.on_event(NodeStarted("r1", "A"))
        recorder.on_event(NodeStarted("r1", "B"))
        assert killed_where(folder(config)) == "it was killed in A, B"
        recorder.on_event(NodeFailed("r1", "B", "no"))
        assert killed_where(folder(config)) == "it was killed in A"
        recorder.on_event(NodeFailed("r1", "A", "no"))
        assert killed_where(folder(config)) == "it was killed after A"
        recorder.on_event(NodeStarted("r1-exit", "RunReport"))
        recorder.on_event(RunEnded("r1-exit", Outcome.SUCCEEDED))
        assert killed_where(folder(config)) == "it was killed in RunReport"
        assert record(config).outcome == "unfinished"
        recorder.on_event(RunEnded("r1", Outcome.SUCCEEDED))


def test_nodes_that_did_not_run_say_why_and_an_end_is_no_surprise(config: Config) -> None:
    failed = NodeFailed("r1", "A", "no memory")
    with recorded(config, "r1", PROPERTIES) as recorder:
        recorder.on_event(RunStarted("r1", ["A", "B", "C"]))
        recorder.on_event(NodeSkipped("r1", "B", "its condition is false"))
        recorder.on_event(RunEnded("r1", Outcome.FAILED, failed))
    ended = record(config)
    assert (ended.outcome, ended.reason) == ("failed", "A: no memory")
    assert [(one.node, one.state, one.reason) for one in ended.nodes][1:] == [
        ("B", "skipped", "its condition is false"),
        ("C", "skipped", "the run ended before it"),
    ]


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (TaxiwayError("the store is away"), "failed", "the store is away"),
        (KeyboardInterrupt(), "interrupted", "interrupted"),
    ],
)
def test_an_end_before_any_node_is_on_record(
    config: Config, error: BaseException, outcome: str, reason: str
) -> None:
    with pytest.raises(type(error)), recorded(config, "r1", PROPERTIES):
        raise error
    assert (record(config).outcome, record(config).reason) == (outcome, reason)


class TestKilled:
    def leave(self, config: Config, failed_before: bool = False) -> None:
        """What a run leaves that was killed in Trainer."""
        with recorded(config, "r1", PROPERTIES) as recorder:
            recorder.on_event(NodeStarted("r1", "Trainer"))
            left = (folder(config) / FILE).read_text()
            recorder.has_ended = True
        (folder(config) / FILE).write_text(left)
        recorder_of = Recorder(Path(config.metadata.path))  # type: ignore[union-attr]
        recorder_of.run("r1")
        recorder_of.runs.write_properties("r1", {"config": to_yaml(config), **PROPERTIES})
        recorder_of.execution("Trainer", State.RUNNING, "r1")
        if failed_before:
            recorder_of.runs.close("r1", "Trainer", "no memory", ErrorKind.FAILED)

    def test_it_is_on_record_as_what_it_was(self, config: Config) -> None:
        self.leave(config)
        assert end_dead_run(config.metadata, "r1") == ["Trainer"]
        record_killed(config, "r1")
        dead = record(config)
        assert (dead.outcome, dead.reason) == ("killed", "it was killed in Trainer")
        assert [(one.node, one.state) for one in dead.nodes] == [("Trainer", "killed")]
        assert dead.packages.lock == "ab12"
        assert not (folder(config) / FILE).exists()

    def test_one_that_had_failed_before_has_failed(self, config: Config) -> None:
        self.leave(config, failed_before=True)
        record_killed(config, "r1")
        assert (record(config).outcome, record(config).reason) == ("failed", "Trainer: no memory")

    def test_one_of_before_there_were_records_has_what_the_store_knows(
        self, config: Config
    ) -> None:
        self.leave(config)
        for name in ("record.json", FILE):
            (folder(config) / name).unlink()
        end_dead_run(config.metadata, "r1")
        record_killed(config, "r1")
        dead = record(config)
        assert (dead.outcome, dead.pipeline, dead.command) == ("killed", "tiny", "taxiway run")
        assert dead.config["data.shards"] == 4


def test_without_taxiway_tracking_runs_begin_and_end_as_ever(
    config: Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in [one for one in sys.modules if one.startswith("taxiway.tracking")]:
        monkeypatch.setitem(sys.modules, name, None)
    with recorded(config, "r1", PROPERTIES) as recorder:
        recorder.on_event(NodeStarted("r1", "A"))
        recorder.on_event(RunEnded("r1", Outcome.SUCCEEDED))
    record_killed(config, "r1")
    assert list(folder(config).iterdir()) == []
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


def test_a_folder_that_cannot_be_written_costs_no_run(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    folder(config).rmdir()
    folder(config).touch()
    with recorded(config, "r1", PROPERTIES) as recorder:
        recorder.on_event(RunEnded("r1", Outcome.SUCCEEDED))
    assert "the beginning of run r1 is not on record" in caplog.text
    assert "the end of run r1 is not on record" in caplog.text
