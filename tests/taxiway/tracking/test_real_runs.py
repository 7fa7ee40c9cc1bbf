"""The index of real runs: there when a run ends, and the same when it is made anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxiway.registry.database.session import open_database
from taxiway.registry.runs import list_runs
from taxiway.tracking.index import reindex
from tests.conftest import Run

pytestmark = pytest.mark.pipeline


def test_runs_are_in_the_index_and_in_one_that_is_made_anew(
    first_two_runs: tuple[Run, Run], tmp_path: Path
) -> None:
    workspace, report = first_two_runs[0]
    ids = [report["run_id"] for _, report in first_two_runs]
    config = workspace.config()
    before = {run.run_id: run for run in list_runs(open_database(config.registry))}
    first = before[report["run_id"]]
    assert (first.pipeline, first.model) == (config.pipeline.name, config.model.name)
    assert (first.outcome, first.version, first.failure) == ("succeeded", report["version"], "")
    assert first.metrics == report["evaluation"]["overall"]
    assert (first.facts["spans"], first.facts["lacks"]) == ("1-3", [])
    assert first.facts["command"] == report["command"]
    assert Path(first.facts["report"]).is_file()

    empty = workspace.config(f"registry.path={tmp_path / 'registry.sqlite'}")
    reindex(empty)
    after = {run.run_id: run for run in list_runs(open_database(empty.registry))}
    assert [after[run_id] for run_id in ids] == [before[run_id] for run_id in ids]
