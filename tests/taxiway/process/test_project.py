"""The project is the nearest folder with configs, wherever `taxiway` itself is installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from taxiway.process.project import enter_project, project_root
from tests.conftest import REPOSITORY


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "mine" / "configs").mkdir(parents=True)
    (tmp_path / "mine" / "configs" / "base.yaml").touch()
    (tmp_path / "mine" / "deep" / "er").mkdir(parents=True)
    return tmp_path / "mine"


@pytest.mark.parametrize("folder", [".", "deep/er", "configs"])
def test_it_is_found_from_any_folder_in_it(
    project: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / folder)
    assert project_root() == project


def test_outside_of_any_it_is_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert project_root() == REPOSITORY


def test_a_current_folder_that_was_removed_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert project_root() == REPOSITORY


def test_its_packages_are_importable_here_and_in_processes_that_start_here(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "path", ["/elsewhere"])
    monkeypatch.setenv("PYTHONPATH", "/given")
    for _ in range(2):
        assert enter_project() == project
        assert sys.path == [str(project), "/elsewhere"]
        assert os.environ["PYTHONPATH"] == os.pathsep.join([str(project), "/given"])
