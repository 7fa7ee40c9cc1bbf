"""A fork that removes the example and has names of its own: what it took over stays green."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.repository_copy import RepositoryCopy

pytestmark = pytest.mark.one_stack

RENAMED = {
    "name: flights-training": "name: parcels-training",
    "dataset: flights": "dataset: parcels",
    "name: flights\n": "name: parcels\n",
    "module: models.flights": "module: models.parcels",
    "slices: [[origin], [carrier]]": "slices: [[region]]",
    "slices: [[origin]]": "slices: [[region]]",
}
"""In configs/base.yaml."""
RUN = (
    *("tests/benchmarks", "tests/components", "tests/deploy/test_fit.py", "tests/docs"),
    *("tests/taxiway/cli/test_main.py", "tests/taxiway/config/test_loader.py"),
    *("tests/taxiway/registry/versions", "tests/taxiway/runners/test_preflight.py"),
    "tests/test_packaging.py",
)
"""What names a model, a data set or a config, as far as it takes no TensorFlow."""


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> RepositoryCopy:
    """`git rm -r models/flights configs/local.yaml`, and another model in its place."""
    copy = RepositoryCopy(tmp_path_factory.mktemp("fork") / "copy")
    models = copy.root / "models"
    shutil.rmtree(models / "flights")
    (copy.root / "configs" / "local.yaml").unlink()
    shutil.copytree(copy.root / "tests" / "tiny", models / "parcels")
    for name in ("tiny.yaml", "export.py"):
        (models / "parcels" / name).unlink()
    base = copy.root / "configs" / "base.yaml"
    text = base.read_text()
    for old, new in RENAMED.items():
        assert old in text, old
        text = text.replace(old, new)
    base.write_text(text)
    return copy


def test_what_it_has_renamed_is_all_that_named_the_example(fork: RepositoryCopy) -> None:
    for folder in ("taxiway", "components", "pipelines"):
        for path in (fork.root / folder).rglob("*.py"):
            assert "models.flights" not in path.read_text(), path
    assert "flights" not in (fork.root / "configs" / "base.yaml").read_text()


def test_make_check_is_green(fork: RepositoryCopy) -> None:
    cache = REPOSITORY / ".mypy_cache"
    if cache.is_dir():  # of `make check`, so that this is not all done again
        shutil.copytree(cache, fork.root / ".mypy_cache")
    for command in ("ruff format --check .", "ruff check .", "mypy"):
        fork.run(f"{sys.executable} -m {command}")
    fork.run(f"{Path(sys.executable).parent}/lint-imports")


def test_every_test_is_found_and_those_of_the_example_are_gone(fork: RepositoryCopy) -> None:
    told = fork.run(f"{sys.executable} -m pytest --collect-only -q -p no:cacheprovider")
    assert "tests/taxiway/modeling/test_preprocessing.py::" in told
    assert "tests/models/flights" not in told


def test_tests_that_need_no_tensorflow_are_green(fork: RepositoryCopy) -> None:
    fast = '-m "not pipeline and not cluster and not long"'
    told = fork.run(f"{sys.executable} -m pytest -q -p no:cacheprovider {fast} {' '.join(RUN)}")
    assert " passed" in told
