"""The uncommitted changes of a project, in a repository of real git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from taxiway.process.git import DIFF_BYTES, MOST_NEW_FILES, uncommitted

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

USED = ("models", "configs")


def git(place: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(place), *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one commit, whose project lies in a folder of it."""
    root = tmp_path / "repository" / "project"
    (root / "models").mkdir(parents=True)
    (root / "configs").mkdir()
    (root / "models" / "a.py").write_text("one = 1\n\ntwo = 2\n")
    (root / ".gitignore").write_text(".env\n*.secret\n")
    (root / "README.md").write_text("read me\n")
    git(root.parent, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    return root


def test_what_is_as_committed_has_no_diff(project: Path) -> None:
    assert uncommitted(project, USED) == ("", False)


def test_changed_and_new_files_are_in_it_and_ignored_ones_and_others_are_not(
    project: Path,
) -> None:
    (project / "models" / "a.py").write_text("one = 1\n\ntwo = 3\n")
    (project / "models" / "naïve.py").write_text("new = 1\n")
    (project / "models" / ".env").write_text("TOKEN=abc\n")
    (project / "models" / "b.secret").write_text("abc\n")
    (project / "README.md").write_text("read it\n")
    (project / "notes.txt").write_text("mine\n")
    diff, cut = uncommitted(project, USED)
    assert not cut
    assert "-two = 2\n+two = 3\n" in diff
    assert "+new = 1\n" in diff
    for absent in ("TOKEN", "secret", "read it", "mine"):
        assert absent not in diff


def test_git_takes_it_back(project: Path, tmp_path: Path) -> None:
    (project / "models" / "a.py").write_text("one = 1\n\n")
    (project / "models" / "blank.py").write_text("\n\n")
    (project / "models" / "bytes.bin").write_bytes(bytes(range(256)))
    diff, _ = uncommitted(project, USED)
    git(tmp_path, "clone", "-q", str(project.parent), "again")
    (tmp_path / "a.diff").write_text(diff)
    again = tmp_path / "again" / "project"
    git(again.parent, "apply", "--directory=project", str(tmp_path / "a.diff"))
    for name in ("a.py", "blank.py", "bytes.bin"):
        assert (again / "models" / name).read_bytes() == (project / "models" / name).read_bytes()


def test_a_long_one_is_cut_behind_a_line(project: Path) -> None:
    (project / "models" / "a.py").write_text("line = 1\n" * DIFF_BYTES)
    diff, cut = uncommitted(project, USED)
    assert cut
    assert len(diff.encode()) <= DIFF_BYTES
    assert diff.endswith("+line = 1\n")


def test_large_and_very_many_new_files_are_left_out_and_that_is_said(project: Path) -> None:
    (project / "models" / "large").write_text("x" * (DIFF_BYTES + 1))
    assert uncommitted(project, USED) == ("", True)
    (project / "models" / "large").unlink()
    for number in range(MOST_NEW_FILES + 1):
        (project / "configs" / f"{number}.yaml").touch()
    assert uncommitted(project, USED)[1]


def test_without_git_there_is_none(tmp_path: Path) -> None:
    assert uncommitted(tmp_path, USED) == ("", True)
