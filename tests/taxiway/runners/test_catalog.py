"""The catalog: a file in pipelines/ is a pipeline, for every command."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from taxiway.config.loader import load_config
from taxiway.errors import ConfigError
from taxiway.runners import catalog
from tests.conftest import TINY


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with pipelines of its own in the place of this repository's."""
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "training.py").write_text("def create_pipeline(config):\n    return 'trains'\n")
    (folder / "batch_inference.py").write_text("def create_pipeline(config):\n    return 'asks'\n")
    (folder / "exit.py").write_text(
        "def create_exit_pipeline(config, run_id):\n    return run_id\n"
    )
    (folder / "helpers.py").write_text("x = 1\n")
    before = {name: one for name, one in sys.modules.items() if name.startswith("pipelines")}
    for name in before:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("pipelines")]:
        del sys.modules[name]
    sys.modules.update(before)


def test_every_file_that_creates_one_is_a_pipeline(project: Path) -> None:
    assert catalog.names() == ["batch-inference", "training"]


@pytest.mark.parametrize(
    "name", ["batch-inference", "batch_inference", "pipelines.batch_inference"]
)
def test_one_is_found_by_its_name_or_its_import_path(project: Path, name: str) -> None:
    assert catalog.module_of(name) == "pipelines.batch_inference"
    config = load_config([TINY], ["pipeline.module=pipelines.batch_inference"])
    assert catalog.load_pipeline(config)(config) == "asks"


def test_finding_one_imports_nothing(project: Path) -> None:
    (project / "pipelines" / "training.py").write_text("1 / 0\ndef create_pipeline(c): ...\n")
    assert catalog.module_of("training") == "pipelines.training"


def test_one_that_is_not_there_is_refused_with_those_that_are(project: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        catalog.module_of("trainig")
    assert refused.value.message == (
        "no pipeline is named 'trainig'; did you mean 'training'? "
        "(known: batch-inference, training)"
    )
    assert refused.value.edit == "the command line, or add pipelines/trainig.py"


@pytest.mark.parametrize("name", ["helpers", "exit"])
def test_a_module_that_creates_none_is_refused(project: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="has no function create_pipeline") as refused:
        catalog.module_of(name)
    assert refused.value.edit == str(project / "pipelines" / f"{name}.py")


@pytest.mark.parametrize("name", ["", ".", "..", "a..b", "no.such.package", "os"])
def test_no_name_ends_in_a_traceback(project: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        catalog.module_of(name)
