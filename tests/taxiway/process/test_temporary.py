"""A run's temporary folder goes with it; one of a killed run goes with the next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from taxiway.errors import TaxiwayError
from taxiway.process.temporary import remove_dead_folders, run_folder
from tests.conftest import REPOSITORY

HOLD = """
import sys, tempfile
from taxiway.process.temporary import run_folder
with run_folder():
    print(tempfile.mkdtemp(prefix="beam-pipeline-temp"), flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def test_what_is_made_meanwhile_is_in_it_and_goes_with_it(tmp_path: Path) -> None:
    with run_folder() as folder:
        made = Path(tempfile.mkdtemp(prefix="taxiway-worker-"))
        told = subprocess.run(["sh", "-c", 'printf %s "$TMPDIR"'], capture_output=True, check=True)
        assert made.parent == folder == Path(told.stdout.decode())
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []
    assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(tmp_path)


def test_the_one_of_a_killed_run_is_removed_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            made = Path(process.stdout.readline().strip())
            assert remove_dead_folders() == []
            assert made.is_dir()
        finally:
            process.send_signal(signal.SIGKILL)
    assert made.is_dir()
    with run_folder():
        assert not made.parent.exists()
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_surely_dead_or_not_ours_stays(tmp_path: Path) -> None:
    """As where another run makes its folder at this moment."""
    (tmp_path / "taxiway-run-new").mkdir()
    (tmp_path / "taxiway-run-old").mkdir()
    day_ago = time.time() - 25 * 3600
    os.utime(tmp_path / "taxiway-run-old", (day_ago, day_ago))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "lock").touch()
    (tmp_path / "taxiway-run-link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "beam-pipeline-temp7").mkdir()
    assert remove_dead_folders() == [tmp_path / "taxiway-run-old"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "beam-pipeline-temp7",
        "elsewhere",
        "taxiway-run-link",
        "taxiway-run-new",
    ]


def test_where_none_can_be_made_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(TaxiwayError) as refused, run_folder():
        pass
    assert refused.value.message.startswith(
        "no temporary folder can be made: [Errno 2] No such file or directory: "
    )
    assert refused.value.edit == "TMPDIR"
