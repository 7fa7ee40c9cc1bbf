"""The notebooks: paired with their scripts, without outputs or logic, and they run."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY, once
from tests.example import needs_example
from tests.tied import tied

FOLDER = REPOSITORY / "notebooks"
ENVIRONMENT = REPOSITORY / ".notebooks" / "env" / "bin"
ORDER = ("explore", "experiment", "deliver")
"""Of running them: each may count on what those before it have left."""
LOGIC = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.Try, ast.Lambda)
LONGEST = 6

needs_jupyter = pytest.mark.skipif(
    not ENVIRONMENT.is_dir(), reason="no .notebooks/env; `make notebooks-setup` makes it"
)
each = pytest.mark.parametrize("name", ORDER)


def cells_of_notebook(name: str) -> list[tuple[str, str]]:
    """Kind and text of each cell."""
    read = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    return [(cell["cell_type"], "".join(cell["source"])) for cell in read["cells"]]


def cells_of_script(name: str) -> list[tuple[str, str]]:
    """The same, of the percent format."""
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    found = []
    for part in text.split("# %%")[1:]:
        head, _, body = part.partition("\n")
        if head.strip() == "[markdown]":
            lines = [line.removeprefix("#").removeprefix(" ") for line in body.strip().split("\n")]
            found.append(("markdown", "\n".join(lines)))
        else:
            found.append(("code", body.strip()))
    return found


def test_there_is_no_notebook_that_is_not_looked_at_here() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(ORDER)


@each
def test_notebook_and_script_say_the_same(name: str) -> None:
    assert cells_of_notebook(name) == cells_of_script(name)


@each
def test_no_output_is_kept(name: str) -> None:
    read = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in read["cells"] if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in code] == [[]] * len(code)
    assert {cell["execution_count"] for cell in code} == {None}


@each
def test_a_cell_is_some_lines_of_the_projects_own_functions(name: str) -> None:
    for kind, text in cells_of_notebook(name):
        if kind == "code":
            assert len(text.splitlines()) <= LONGEST, text
            logic = [node for node in ast.walk(ast.parse(text)) if isinstance(node, LOGIC)]
            assert not logic, text


@pytest.fixture(scope="session")
def executed(shared_folder: Path) -> Path:
    """All notebooks, run one after the other, each from a clean kernel, on the smoke data."""

    def make(target: Path) -> None:
        kernels = target / "jupyter" / "kernels"
        kernel = REPOSITORY / "tools" / "notebook-kernel.sh"
        subprocess.run(["sh", str(kernel), str(kernels), str(target)], check=True)
        shutil.copytree(REPOSITORY / "configs", target / "configs")
        environment = os.environ | {
            "JUPYTER_PATH": str(target / "jupyter"),
            "PYTHONPATH": str(REPOSITORY),
        }
        files = [str(FOLDER / f"{name}.ipynb") for name in ORDER]
        command = ["nbconvert", "--to", "notebook", "--execute", "--output-dir", str(target)]
        done = subprocess.run(
            tied(str(ENVIRONMENT / "jupyter"), *command, *files),
            env=environment,
            cwd=target,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]

    return once(shared_folder, "notebooks", make)


def outputs(folder: Path, name: str) -> list[dict[str, Any]]:
    """What its cells showed, of whatever kind."""
    read = json.loads((folder / f"{name}.ipynb").read_text(encoding="utf-8"))
    return [output for cell in read["cells"] for output in cell.get("outputs", ())]


def shown(folder: Path, name: str, kind: str) -> str:
    """All that was shown in one of Jupyter's formats, `text` being what was printed."""
    found = []
    for output in outputs(folder, name):
        text = output.get("text", "") if kind == "text" else output.get("data", {}).get(kind, "")
        found.append("".join(text))
    return "\n".join(found)


@needs_example
@needs_jupyter
@pytest.mark.pipeline
@pytest.mark.one_stack
class TestExecuted:
    def test_explore_shows_statistics_schema_and_drift(self, executed: Path) -> None:
        tables = shown(executed, "explore", "text/html")
        for word in ("wind_speed", "at least present", "jensen_shannon_divergence", "span-1"):
            assert word in tables
        assert "<svg" in shown(executed, "explore", "image/svg+xml")
        assert "ArrowExampleGen" in shown(executed, "explore", "text")

    def test_experiment_reuses_what_a_change_does_not_touch(self, executed: Path) -> None:
        lines = [line.split() for line in shown(executed, "experiment", "text").splitlines()]
        how = {(line[0], line[1]) for line in lines if len(line) > 1}
        assert ("Transform", "reused") in how
        trained = [line for line in lines if line[:1] == ["Trainer"]]
        assert len(trained) == 2
        assert all(line[1] != "reused" for line in trained)
        assert "model.hyperparameters.learning_rate" in str(outputs(executed, "experiment"))

    def test_deliver_shows_the_version_that_was_pushed_and_its_lineage(
        self, executed: Path
    ) -> None:
        assert "flights-smoke" in shown(executed, "deliver", "text/html")
        assert "1.0.0" in shown(executed, "deliver", "text/html")
        assert "<svg" in shown(executed, "deliver", "image/svg+xml")

    def test_nothing_that_is_shown_loads_anything_from_elsewhere(self, executed: Path) -> None:
        for name in ORDER:
            for kind in ("text/html", "image/svg+xml"):
                text = shown(executed, name, kind)
                assert 'src="http' not in text
                assert "<script" not in text

    def test_no_cell_says_anything_on_standard_error(self, executed: Path) -> None:
        for name in ORDER:
            told = [one for one in outputs(executed, name) if one.get("name") == "stderr"]
            assert not told, told

    def test_the_scripts_that_nbconvert_makes_run(self, executed: Path, tmp_path: Path) -> None:
        for name in ORDER:
            done = subprocess.run(
                tied(
                    *(str(ENVIRONMENT / "jupyter"), "nbconvert", "--to", "script"),
                    *("--output-dir", str(tmp_path), str(FOLDER / f"{name}.ipynb")),
                ),
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        one_process = "import runpy, sys; [runpy.run_path(path) for path in sys.argv[1:]]"
        made = [str(next(tmp_path.glob(f"{name}.*"))) for name in ORDER]
        done = subprocess.run(
            tied(sys.executable, "-c", one_process, *made),
            cwd=executed,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.count("succeeded") == 2


@needs_jupyter
@pytest.mark.one_stack
def test_git_commits_no_output_and_diffs_by_cells(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    for name in (".gitattributes", "Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copyfile(REPOSITORY / name, tmp_path / name)
    for name in ("tools", "deploy"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    git("init", "-q")
    (tmp_path / ".notebooks").symlink_to(REPOSITORY / ".notebooks")
    ready = "-o .venv/installed -o .notebooks/installed notebooks-setup"
    subprocess.run(["make", *ready.split()], cwd=tmp_path, check=True, capture_output=True)
    book = json.loads((FOLDER / "explore.ipynb").read_text(encoding="utf-8"))
    code = next(cell for cell in book["cells"] if cell["cell_type"] == "code")
    code["outputs"] = [{"name": "stdout", "output_type": "stream", "text": ["a secret figure"]}]
    code["execution_count"] = 7
    path = tmp_path / "explore.ipynb"
    path.write_text(json.dumps(book, indent=1) + "\n", encoding="utf-8")
    git("add", "explore.ipynb")
    git("commit", "-qm", "a notebook that was run")
    assert "a secret figure" not in git("show", "HEAD:explore.ipynb")
    assert "a secret figure" in path.read_text(encoding="utf-8")
    code["source"] = [*code["source"], "\nsession.nodes"]
    path.write_text(json.dumps(book, indent=1) + "\n", encoding="utf-8")
    told = git("diff")
    assert "nbdiff" in told
    assert "session.nodes" in told
