"""Packages that only some projects need: named, with the extra that brings them, when missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from taxiway.errors import ConfigError
from taxiway.process.extras import needs
from tests.conftest import REPOSITORY


def test_a_missing_package_is_named_with_its_extra() -> None:
    with (
        pytest.raises(ConfigError, match="a Dask cluster needs the package 'distributed'") as told,
        needs("dask", "distributed", "a Dask cluster"),
    ):
        raise ModuleNotFoundError("No module named", name="distributed.security")
    assert told.value.edit == "the project's dependencies: taxiway[dask]"


def test_another_missing_module_is_told_as_it_is() -> None:
    with (
        pytest.raises(ModuleNotFoundError, match="of our own"),
        needs("dask", "distributed", "a Dask cluster"),
    ):
        raise ModuleNotFoundError("of our own", name="taxiway.mistyped")


@pytest.mark.pipeline
@pytest.mark.one_stack
@pytest.mark.parametrize(
    ("package", "command", "told"),
    [
        ("kfp", ["compile", "--target", "kubeflow"], "compiling for Kubeflow needs"),
        ("kfp", ["submit"], "`taxiway submit` needs"),
    ],
)
def test_a_command_without_its_package_says_so(package: str, command: list[str], told: str) -> None:
    program = (
        f"import sys; sys.modules[{package!r}] = None; sys.argv = ['taxiway', *{command!r}]\n"
        "from taxiway.cli.main import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert f"error: {told} the package '{package}', which is not installed here" in done.stderr
    assert "taxiway[kubeflow]" in done.stderr
    assert "Traceback" not in done.stderr
