"""A run whose nodes are run one by one, as notebooks do, on the tiny pipeline."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.metadata.records import ErrorKind
from taxiway.notebooks import data
from taxiway.notebooks.session import Session
from taxiway.registry.database.session import open_database
from taxiway.registry.runs import list_runs
from taxiway.tracking.run_record.files import read_record
from tests.conftest import REPOSITORY, TINY, Workspace
from tests.tied import tied

pytestmark = pytest.mark.pipeline


@pytest.fixture
def session(workspace: Workspace) -> Session:
    return Session(TINY, **{"output.root": str(workspace.root)})


def test_a_node_is_run_with_those_it_waits_for_and_no_other(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    session.run("StatisticsGen")
    lines = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["ArrowExampleGen", "StatisticsGen"]
    session.run("StatisticsGen")
    assert capsys.readouterr().out == ""
    table = data.statistics(session)
    assert table.loc[("kilograms", "train"), "rows"] == 1200
    assert list(data.spans(session.config)["file"]) == [
        f"span-{number}/tiny.parquet" for number in (1, 2, 3)
    ]


def test_a_node_that_is_misspelt_is_refused_with_a_near_name(session: Session) -> None:
    with pytest.raises(ConfigError, match="did you mean 'Trainer'"):
        session.run("Trainerr")


def test_a_node_that_failed_is_tried_again_by_the_same_cell(
    session: Session, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    span = workspace.root / "data" / "tiny" / "span-2" / "tiny.parquet"
    whole = span.read_bytes()
    span.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TaxiwayError):
        session.run("ArrowExampleGen")
    assert ErrorKind.FAILED.value in capsys.readouterr().out
    span.write_bytes(whole)
    session.run("ArrowExampleGen")
    assert "1,200 train + 600 eval rows" in capsys.readouterr().out


UNFINISHED = """
import sys
from taxiway.notebooks.session import Session
session = Session(sys.argv[1], **{"output.root": sys.argv[2]})
session.run("ArrowExampleGen")
print(session.run_id)
"""


@pytest.mark.one_stack
def test_a_session_that_nobody_finishes_is_on_record_as_that(workspace: Workspace) -> None:
    done = subprocess.run(
        tied(sys.executable, "-c", UNFINISHED, TINY, str(workspace.root)),
        cwd=REPOSITORY,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run_id = done.stdout.split()[-1]
    record = read_record(Path(workspace.config().output.report_folder(run_id)))
    assert record is not None
    assert (record.outcome, record.reason) == ("interrupted", "its notebook ended before it")
    (indexed,) = list_runs(open_database(workspace.config().registry))
    assert (indexed.run_id, indexed.outcome) == (run_id, "interrupted")
