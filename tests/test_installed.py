"""A project outside of the repository, with the wheel installed, runs the training pipeline."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from taxiway.process.project import FOLDERS
from tests.conftest import REPOSITORY, TINY, Finished

pytestmark = pytest.mark.pipeline


class Project:
    """The folders of a fork and nothing else, and `taxiway` from a wheel in another place."""

    def __init__(self, root: Path, wheel: Path) -> None:
        self.folder, self.installed = root / "project", root / "installed"
        for name in (*FOLDERS, "configs"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(REPOSITORY / name, self.folder / name, ignore=ignored)
        # Found in this project only, so that what runs is not the repository's by accident.
        (self.folder / "pipelines" / "training.py").rename(self.folder / "pipelines" / "mine.py")
        with zipfile.ZipFile(wheel) as archive:  # as pip installs a wheel of Python alone
            archive.extractall(self.installed)

    def python(self, *arguments: str) -> Finished:
        """Runs an interpreter in the project; this environment has the repository on its path."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**kept, "PYTHONPATH": str(self.installed)},
            capture_output=True,
            text=True,
            timeout=600,
        )
        return Finished(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def project(tmp_path: Path, wheel: Path) -> Project:
    return Project(tmp_path, wheel)


def test_taxiway_is_the_installed_one_and_the_rest_the_projects(project: Project) -> None:
    names = ("taxiway", *FOLDERS)
    code = "; ".join(f"import {name}; print({name}.__file__)" for name in names)
    files = [Path(line) for line in project.python("-c", code).out.split()]
    assert files[0].is_relative_to(project.installed)
    assert all(file.is_relative_to(project.folder) for file in files[1:])


@pytest.mark.one_stack
def test_it_runs_the_training_pipeline_to_a_pushed_model(project: Project, spans: Path) -> None:
    shutil.copytree(spans / "data", project.folder / "var" / "data")
    tiny = project.folder / "tests" / "tiny"
    shutil.copytree(Path(TINY).parent, tiny, ignore=shutil.ignore_patterns("__pycache__"))
    done = project.python(
        *("-m", "taxiway", "run", "mine", "--config", f"{tiny}/tiny.yaml"),
        *("--set", "container.engine=host", "--json"),
    )
    assert done.code == 0, done.out + done.err
    assert done.report["outcome"] == "succeeded"
    assert "module: pipelines.mine" in done.report["config"]
    pushed = Path(done.report["pushed_to"])
    assert pushed.is_relative_to(project.folder / "var" / "serving")
    assert (pushed / "saved_model.pb").is_file()
    assert {path.name for path in project.folder.iterdir()} == {*FOLDERS, "configs", "tests", "var"}
