"""The part of the lock that an image installs is taken from the lock itself, hashes and all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

LOCK = """\
# a comment
one==1.0 ; python_full_version < '3.11' \\
    --hash=sha256:aa \\
    --hash=sha256:ab
one==2.0 ; python_full_version >= '3.11' \\
    --hash=sha256:ba
two==1.0 \\
    --hash=sha256:ca
"""
NEW_ONE = "one==2.0 ; python_full_version >= '3.11' \\\n    --hash=sha256:ba\n"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.lock"
    path.write_text(LOCK)
    return path


def subset(lock: Path, pins: str, *options: str) -> subprocess.CompletedProcess[str]:
    wanted = lock.with_name("pins.txt")
    wanted.write_text(pins)
    script = REPOSITORY / "tools" / "lock-subset.py"
    line = [sys.executable, str(script), str(lock), str(wanted), *options]
    return subprocess.run(line, capture_output=True, text=True)


def test_named_versions_keep_their_markers_and_hashes(lock: Path) -> None:
    assert subset(lock, "# what runs\nOne==2.0\n").stdout == NEW_ONE


def test_the_rest_is_everything_else(lock: Path) -> None:
    rest = subset(lock, "one==2.0\n", "--rest").stdout
    assert rest == LOCK.replace("# a comment\n", "").replace(NEW_ONE, "")


@pytest.mark.parametrize("pin", ["one==3.0", "three==1.0"])
def test_what_is_not_in_the_lock_is_refused(lock: Path, pin: str) -> None:
    done = subset(lock, f"one==2.0\n{pin}\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert pin in done.stderr
    assert "make lock" in done.stderr


def test_the_whole_lock_is_found_in_itself() -> None:
    path = REPOSITORY / "requirements.lock"
    script = REPOSITORY / "tools" / "lock-subset.py"
    line = [sys.executable, str(script), str(path), str(path)]
    assert subprocess.run(line, capture_output=True, text=True).stdout == path.read_text()
