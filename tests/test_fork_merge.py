"""A fork that edits its own folders takes an upstream change of the machine room by a merge."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

UPSTREAM = {
    "taxiway/notify.py": "# upstream: another notifier\n",
    "taxiway/push/__init__.py": "# upstream: another destination\n",
    "taxiway/runners/local/runner.py": "# upstream: another runner\n",
    "taxiway/config/schema.py": "# upstream: another section\n",
    "tests/taxiway/test_notify.py": "# upstream: another test\n",
    "docs/glossary.md": "- **upstream**: where updates come from.\n",
    "docs/reference/config.md": "## upstream\n",
    "taxiway/another.py": '"""Upstream: another module."""\n',
}
FORK = {
    "models/__init__.py": "# fork: another word\n",
    "models/mine/__init__.py": '"""Fork: a model of its own."""\n',
    "components/data_gate/rules.py": "# fork: another rule\n",
    "components/artifacts.py": "# fork: another artifact\n",
    "pipelines/training.py": "# fork: another node\n",
    "pipelines/nightly.py": '"""Fork: a pipeline of its own."""\n',
    "configs/base.yaml": "# fork: another value\n",
    "configs/mine.yaml": "# fork: an overlay of its own\n",
    "tests/components/test_data_gate.py": "# fork: another test\n",
    "tests/models/mine/test_features.py": "# fork: a test of its own\n",
}
"""What each side adds, at the end of a file or as a new one."""
OURS = ("models/", "components/", "pipelines/", "configs/", "tests/")


class Repository:
    """A git repository with a commit of this one's files, and nobody's settings."""

    def __init__(self, root: Path) -> None:
        self.root = root
        folders = ("taxiway", "models", "components", "pipelines", "configs", "tests", "docs")
        for name in folders:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(REPOSITORY / name, root / name, ignore=ignored)
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("As released")

    def git(self, *arguments: str) -> str:
        settings = {"user.name": "A fork", "user.email": "fork@example.com", "gc.auto": "0"}
        options = [part for key in settings for part in ("-c", f"{key}={settings[key]}")]
        return subprocess.run(
            ["git", *options, *arguments],
            cwd=self.root,
            env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)

    def change(self, branch: str, additions: Mapping[str, str]) -> None:
        """A commit on a branch of its own."""
        self.git("checkout", "--quiet", "-b", branch, "main")
        for name, text in additions.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as file:
                file.write(text)
        self.commit(f"Changes of {branch}")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_a_fork_edits_nothing_but_its_folders_and_upstream_none_of_them() -> None:
    assert all(name.startswith(OURS) for name in FORK)
    assert {name.partition("/")[0] + "/" for name in FORK} == set(OURS)
    assert all(name.startswith(("taxiway/", "docs/", "tests/taxiway/")) for name in UPSTREAM)


def test_an_upstream_change_merges_without_a_conflict_and_both_sides_are_there(
    repository: Repository,
) -> None:
    repository.change("upstream", UPSTREAM)
    repository.change("fork", FORK)
    repository.git("merge", "--quiet", "--no-edit", "upstream")
    assert repository.git("status", "--porcelain") == ""
    for name, text in {**UPSTREAM, **FORK}.items():
        assert (repository.root / name).read_text().endswith(text), name


def test_the_same_file_edited_on_both_sides_would_be_a_conflict(repository: Repository) -> None:
    repository.change("upstream", UPSTREAM)
    repository.change("fork", {**FORK, "taxiway/notify.py": "# fork: another notifier\n"})
    with pytest.raises(subprocess.CalledProcessError) as stopped:
        repository.git("merge", "--quiet", "--no-edit", "upstream")
    assert "taxiway/notify.py" in stopped.value.stdout
