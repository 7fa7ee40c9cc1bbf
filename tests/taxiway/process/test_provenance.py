"""Where a run comes from: commit, whether it was edited since, lock, releases."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from taxiway.process import provenance as module
from taxiway.process.provenance import (
    GIT_COMMIT,
    GIT_DIRTY,
    IMAGES,
    LOCK_DIGEST,
    VERSIONS,
    commit_of_code,
    provenance,
)
from tests.conftest import REPOSITORY

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(root: Path, *arguments: str) -> str:
    who = ["-c", "user.name=ann", "-c", "user.email=ann@example.com"]
    done = subprocess.run(
        ["git", "-C", str(root), *who, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A project with one model, committed."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "features.py").write_text("SPEC = 1\n")
    (tmp_path / "notes.txt").write_text("\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


@needs_git
class TestCommit:
    def test_what_is_committed_is_known_by_its_commit(self, repository: Path) -> None:
        commit = git(repository, "rev-parse", "HEAD")
        assert commit_of_code(repository) == {GIT_COMMIT: commit, GIT_DIRTY: "false"}

    @pytest.mark.parametrize("name", ["features.py", "new.py"])
    def test_an_edit_or_a_new_file_of_the_code_is_told(self, repository: Path, name: str) -> None:
        (repository / "models" / name).write_text("SPEC = 2\n")
        assert commit_of_code(repository)[GIT_DIRTY] == "true"

    def test_a_note_beside_the_code_is_no_edit_of_it(self, repository: Path) -> None:
        (repository / "notes.txt").write_text("more\n")
        assert commit_of_code(repository)[GIT_DIRTY] == "false"

    def test_a_hooks_variables_do_not_lead_elsewhere(
        self, repository: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GIT_DIR", "/nowhere")
        assert GIT_COMMIT in commit_of_code(repository)

    def test_a_folder_without_a_repository_has_none(self, tmp_path: Path) -> None:
        assert commit_of_code(tmp_path) == {}


def test_without_git_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of_code(tmp_path) == {}


def test_git_that_takes_too_long_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "git"
    slow.write_text('#!/bin/sh\ncase "$*" in *status*) exec sleep 60;; esac\necho abc123\n')
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("taxiway.process.git.LONGEST_SECONDS", 0.3)
    assert commit_of_code(tmp_path) == {GIT_COMMIT: "abc123"}


class TestProvenance:
    def test_a_task_has_the_commit_that_it_was_compiled_from(self) -> None:
        commit = {GIT_COMMIT: "abc123", GIT_DIRTY: "false"}
        found = provenance({"kubeflow.image": "taxiway:dev"}, commit)
        assert found[GIT_COMMIT] == "abc123"
        assert json.loads(found[IMAGES]) == {"kubeflow.image": "taxiway:dev"}
        assert {"Python", "tfx", "taxiway"} <= json.loads(found[VERSIONS]).keys()

    def test_taxiways_release_is_known_where_it_is_no_installed_package(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "versions", lambda names: dict.fromkeys(names, ""))
        release = json.loads(provenance({}, {})[VERSIONS])["taxiway"]
        assert f'\nversion = "{release}"\n' in (REPOSITORY / "pyproject.toml").read_text()

    def test_the_lock_is_known_by_its_content(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "requirements.lock").write_bytes(b"tfx==1\n")
        monkeypatch.setattr(module, "project_root", lambda: tmp_path)
        found = provenance({}, {})
        assert found[LOCK_DIGEST] == hashlib.sha256(b"tfx==1\n").hexdigest()
        assert GIT_COMMIT not in found
        assert IMAGES not in found
