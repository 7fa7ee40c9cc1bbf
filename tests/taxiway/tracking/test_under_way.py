"""Whether a run is under way, asked of real processes: one that works, and one that was killed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from taxiway.tracking.under_way import FILE, bury, killed_where, running, under_way
from tests.conftest import REPOSITORY

WORK = """
import sys
from pathlib import Path
from taxiway.tracking.under_way import running
with running(Path(sys.argv[1])) as mark:
    mark.at("in DistributionValidator, InfraValidator")
    mark.at("in Trainer")
    print("working", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def working(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process whose run, with its folder in tmp_path, is in Trainer."""
    with subprocess.Popen(
        [sys.executable, "-c", WORK, str(tmp_path)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        try:
            yield process
        finally:
            process.kill()


def test_it_is_as_long_as_its_process_works(tmp_path: Path, working: subprocess.Popen[str]) -> None:
    assert under_way(tmp_path) is True
    working.communicate("\n")
    assert under_way(tmp_path) is None
    assert not (tmp_path / FILE).exists()


def test_a_kill_leaves_where_it_was(tmp_path: Path, working: subprocess.Popen[str]) -> None:
    working.kill()
    working.wait()
    assert under_way(tmp_path) is False
    assert killed_where(tmp_path) == "it was killed in Trainer"
    bury(tmp_path)
    assert under_way(tmp_path) is None
    assert killed_where(tmp_path) == ""


def test_of_another_machine_a_free_lock_says_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({"host": "elsewhere", "where": "in Trainer"}) + "\n")
    assert under_way(tmp_path) is None


def test_a_run_that_has_come_to_no_node_says_so(tmp_path: Path) -> None:
    with running(tmp_path):
        assert under_way(tmp_path) is True
        assert killed_where(tmp_path) == "it was killed before its first node"


def test_a_mark_that_is_torn_says_nothing_and_one_that_cannot_be_made_costs_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_text('{"host": "he')
    assert under_way(tmp_path) is None
    with running(tmp_path / "nowhere") as mark:
        assert mark is None
    assert "no kill would show" in caplog.text
