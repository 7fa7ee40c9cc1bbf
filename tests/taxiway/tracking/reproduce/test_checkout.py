"""The code of then, from git: its commit and what was changed since, gone with its block."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from taxiway.errors import TaxiwayError
from taxiway.tracking.reproduce.checkout import PREFIX, checkout
from taxiway.tracking.run_record.record import Code

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

AS_ANN = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")


def git(place: Path, *arguments: str) -> str:
    command = ["git", *AS_ANN, "-C", str(place), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(params=["", "below"])
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A project with two commits, at the top of a repository or below it."""
    root: Path = tmp_path / "repository" / request.param
    (root / "models").mkdir(parents=True)
    (root / "models" / "a.py").write_text("then = 1\n")
    git(tmp_path, "init", "-q", str(tmp_path / "repository"))
    git(root, "add", ".")
    git(root, "commit", "-qm", "then")
    return root


def now(project: Path) -> str:
    """Commits another line; gives the commit before."""
    commit = git(project, "rev-parse", "HEAD").strip()
    (project / "models" / "a.py").write_text("now = 2\n")
    git(project, "commit", "-qam", "now")
    return commit


def test_the_commit_of_then_with_its_changes_is_there_and_then_gone(project: Path) -> None:
    (project / "models" / "a.py").write_text("then = 1\nchanged = 3\n")
    (project / "models" / "b.py").write_text("new = 4\n")
    git(project, "add", "-N", ".")
    diff = git(project, "diff", "--relative", "HEAD")
    git(project, "checkout", "-q", ".")
    (project / "models" / "b.py").unlink(missing_ok=True)
    git(project, "reset", "-q", "--hard")
    commit = now(project)
    with checkout(project, Code(commit=commit, diff=diff)) as place:
        assert (place / "models" / "a.py").read_text() == "then = 1\nchanged = 3\n"
        assert (place / "models" / "b.py").read_text() == "new = 4\n"
    assert not place.exists()
    assert not list(Path(tempfile.gettempdir()).glob(f"{PREFIX}*/code/models/b.py"))
    assert git(project, "worktree", "list").count("\n") == 1
    assert (project / "models" / "a.py").read_text() == "now = 2\n"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (Code(), "no commit is on record"),
        (Code(commit="0" * 40), "is not in the repository"),
        (Code(commit="HEAD", diff="x", diff_cut=True), "more uncommitted changes"),
        (Code(commit="HEAD", diff="--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"), "git apply failed"),
    ],
)
def test_code_that_cannot_be_had_again_is_refused(project: Path, code: Code, told: str) -> None:
    commit = git(project, "rev-parse", "HEAD").strip()
    given = code.model_copy(update={"commit": code.commit.replace("HEAD", commit)})
    with pytest.raises(TaxiwayError, match=told), checkout(project, given):
        pass
    assert git(project, "worktree", "list").count("\n") == 1
