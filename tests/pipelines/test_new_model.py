"""From a data set and `taxiway new model` to a pushed model, in a project of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, Finished
from tests.taxiway.scaffold.model.corpus import penguins
from tests.tied import tied

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.one_stack,
    pytest.mark.xdist_group("pipeline"),
]

SHORT = ("model.hyperparameters.epochs=20", "container.engine=host", "infra_validation.requests=5")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the template's pipeline and no model."""
    (tmp_path / "configs").mkdir()
    shutil.copy(REPOSITORY / "configs" / "base.yaml", tmp_path / "configs")
    return tmp_path


def taxiway(project: Path, *arguments: str) -> Finished:
    """The command line, run in a project that is not this repository."""
    done = subprocess.run(
        tied(sys.executable, "-m", "taxiway", *arguments),
        cwd=project,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(project), str(REPOSITORY)])},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def test_three_classes_with_words_for_nothing_are_learned_the_first_time(project: Path) -> None:
    given = penguins(project)
    made = taxiway(project, "new", "model", "penguins", "--data", str(given), "--json")
    assert made.code == 0, made.err
    assert json.loads(made.out)["task"] == "multiclass"
    sets = [part for one in SHORT for part in ("--set", one)]
    done = taxiway(project, "run", "training", "--config", "penguins", *sets, "--json")
    assert done.code == 0, done.out + done.err
    report = done.report
    assert report["pushed_to"]
    assert report["evaluation"]["overall"]["sparse_categorical_accuracy"] > 0.7
    request = {"island": ["Biscoe", "Torgersen"], "sex": ["male", "female"], "year": [2007, 2008]}
    request |= {"bill length (mm)": [43.0, 38.0], "flipper length (mm)": [217, 190]}
    words = ("-m", "taxiway.serving.worker", "--model", report["pushed_to"])
    answer = subprocess.run(
        [sys.executable, *words, "--once", json.dumps(request)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(answer.stdout)["class"] == ["Gentoo", "Adelie"]
