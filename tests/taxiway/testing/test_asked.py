"""By which names a model is found, and what a run of its tests may reach."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from taxiway.config.loader import load_config
from taxiway.errors import ConfigError
from taxiway.testing.__main__ import main
from taxiway.testing.asked import apart, load_asked, own_tests
from tests.conftest import REPOSITORY, TINY


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the overlay `mine`, and the model folders `parcels` and `mine`."""
    (tmp_path / "configs").mkdir()
    shutil.copy(TINY, tmp_path / "configs" / "base.yaml")
    (tmp_path / "configs" / "mine.yaml").write_text("model: {name: by-overlay}\n")
    for name in ("parcels", "mine"):
        folder = tmp_path / "models" / name
        shutil.copytree(REPOSITORY / "tests" / "tiny", folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_overlay_comes_before_a_folder(project: Path) -> None:
    assert load_asked("mine").model.name == "by-overlay"
    assert load_asked("configs/mine.yaml").model.name == "by-overlay"


def test_a_folder_is_a_model_of_the_projects_own_config(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taxiway.testing.asked.load_config", lambda *given: given)
    assert load_asked("parcels", ["data.shards=1"]) == (
        (),
        ["model.module=models.parcels", "data.shards=1"],
    )


def test_another_name_is_refused_with_those_that_are_there(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match=r"named 'parcel'; did you mean 'parcels'\? \(known: ba"):
        load_asked("parcel")
    assert main(["parcel"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: no model to test is named 'parcel'")


@pytest.mark.parametrize("arguments", [[], ["-k", "something"]])
def test_without_a_name_it_says_how_it_is_called(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("usage: python -m taxiway.testing NAME")


def test_a_run_reaches_nothing_outside_of_its_folder(tmp_path: Path) -> None:
    far = tmp_path / "far.yaml"
    far.write_text(
        "push: {kind: bucket, destination: 'gs://bucket/models'}\n"
        "registry: {path: /srv/registry.sqlite}\n"
        "metadata: {kind: mysql, host: production}\n"
        "notify: {kind: webhook, url_env: HOOK}\n"
        "engine: {workers: {kind: dask, address: 'tcp://cluster:8786'}}\n"
        "data: {root: 'gs://bucket/data'}\n"
        "infra_validation: {isolation: required}\n"
    )
    config = load_config([TINY, far], apart(tmp_path / "here"))
    here = str(tmp_path / "here")
    places = [config.output.root, config.data.root, config.push.destination]
    places += [config.registry.path, config.metadata.path, config.notify.path]
    assert all(place.startswith(here) for place in places), places
    assert (config.engine.workers.kind, config.beam.kind) == ("inline", "direct")


def test_a_models_own_tests_are_those_in_a_folder_of_its_name(project: Path) -> None:
    config = load_config([TINY])
    assert own_tests(config) is None
    (project / "tests" / "models" / "tiny").mkdir(parents=True)
    assert own_tests(config) == project / "tests" / "models" / "tiny"
    assert "pytest" in sys.modules
