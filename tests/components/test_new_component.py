"""What `taxiway new component` writes passes every check of this project, unedited."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from taxiway.scaffold.component.kinds import KINDS, Component
from taxiway.scaffold.component.new import new_component
from taxiway.scaffold.component.remove import remove_component
from tests.conftest import REPOSITORY

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("new component")]

NAMES = {
    "function": "scaffolded_shares",
    "container": "scaffolded_size",
    "custom": "scaffolded_row",
}
TESTS = tuple(f"tests/components/test_{name}.py" for name in NAMES.values())
SHARED = ("README.md", "components/artifacts.py", "configs/base.yaml", "pipelines/training.py")
FOLDERS = ("benchmarks", "components", "configs", "models", "pipelines", "taxiway", "tests")
COMPILES = '''"""It compiles for Kubeflow, with a task for each node."""

from pathlib import Path

from taxiway.config.loader import load_config
from taxiway.runners.targets import OVERLAYS, compile_to_file
from tests.conftest import TINY


def test_it_compiles_for_kubeflow(tmp_path: Path) -> None:
    config = load_config([TINY, *OVERLAYS["kubeflow"]])
    compile_to_file(config, "kubeflow", tmp_path / "pipeline.yaml")
    text = (tmp_path / "pipeline.yaml").read_text()
    assert {name for name in NAMES if f"name: comp-{name}" not in text} == set()
'''


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project with a component of each kind, and nothing edited."""
    root = tmp_path_factory.mktemp("scaffolded")
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / name, root / name, ignore=ignored)
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, root)
    for path in (root, *root.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    for kind, name in NAMES.items():
        new_component(root, Component(name, KINDS[kind]), "pipelines/training.py", wired=True)
    return root


def run(copy: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_make_check_finds_nothing(copy: Path) -> None:
    """In what was written and what wires it: the rest is as it was."""
    own = [f"components/{name}" for name in NAMES.values()]
    changed = [path for path in (*own, *TESTS, *SHARED) if not path.endswith((".md", ".yaml"))]
    run(copy, "-m", "ruff", "check", "--no-cache", *changed)
    run(copy, "-m", "ruff", "format", "--check", "--no-cache", *changed)
    packages = [part for name in NAMES.values() for part in ("-p", f"components.{name}")]
    alone = ("--follow-imports", "silent", "--cache-dir", os.devnull)
    run(copy, "-m", "mypy", *alone, *packages, "-p", "pipelines")
    lint = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    assert "0 broken" in run(copy, "-c", lint, "--no-cache")


def test_it_passes_the_conformance_table_its_own_tests_and_the_compiler(copy: Path) -> None:
    tasks = [name.replace("_", "-") for name in NAMES.values()]
    (copy / "tests" / "test_compiles.py").write_text(f"{COMPILES}\n\nNAMES = {tasks}\n")
    paths = ("tests/components/test_conformance.py", *TESTS, "tests/test_compiles.py")
    assert "passed" in run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths)


def test_when_they_are_removed_the_project_is_this_one_again(copy: Path) -> None:
    for name in NAMES.values():
        remove_component(copy, name, force=False)
    for path in SHARED:
        assert (copy / path).read_bytes() == (REPOSITORY / path).read_bytes()
    assert not [name for name in NAMES.values() if (copy / "components" / name).exists()]
