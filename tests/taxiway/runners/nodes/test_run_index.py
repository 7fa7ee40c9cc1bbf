"""The index of runs is kept by whoever runs one, and no run fails or needs it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.metadata.records import Outcome
from taxiway.metadata.store import run_store
from taxiway.registry.database.session import open_database
from taxiway.registry.runs import list_runs
from taxiway.runners.nodes.events import RunEnded, RunStarted
from taxiway.runners.nodes.run_index import RunIndex
from tests.conftest import TINY, CommandLine

ENDED = RunEnded("r1", Outcome.SUCCEEDED)


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    loaded = load_config([TINY], [f"output.root={tmp_path / 'var'}"])
    Path(loaded.output.report_folder("r1")).mkdir(parents=True)
    yield loaded
    run_store(loaded.metadata).disconnect()
    open_database.cache_clear()


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a fork has deleted taxiway/tracking."""
    for name in ("taxiway.tracking", "taxiway.tracking.index"):
        monkeypatch.setitem(sys.modules, name, None)


def test_a_run_is_in_the_index_when_it_has_ended(config: Config) -> None:
    index = RunIndex(config)
    index.on_event(RunStarted("r1", []))
    assert not Path(open_database(config.registry).place).exists()
    index.on_event(ENDED)
    assert [run.run_id for run in list_runs(open_database(config.registry))] == ["r1"]


def test_a_registry_that_cannot_be_used_costs_no_run(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    Path(open_database(config.registry).place).write_text("no database" * 100)
    RunIndex(config).on_event(ENDED)
    assert "run r1 is not in the index; `taxiway runs reindex` mends it" in caplog.text


@pytest.mark.usefixtures("removed")
def test_without_the_part_that_fills_it_runs_end_as_ever(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    RunIndex(config).on_event(ENDED)
    assert list_runs(open_database(config.registry)) == []
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


@pytest.mark.usefixtures("removed")
def test_without_it_the_index_can_be_read_and_not_made_anew(
    config: Config, here: CommandLine
) -> None:
    options = ["--config", TINY, "--set", f"output.root={config.output.root}"]
    assert here("runs", "list", *options).code == 0
    told = here("runs", "reindex", *options)
    assert told.code == 2
    assert "taxiway/tracking" in told.err
