"""The README's way to a project of one's own, typed as it stands, ends with a pushed model."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, copy_of_sources

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.one_stack,
    pytest.mark.skipif(
        not all(map(shutil.which, ("git", "make"))), reason="git or make is not installed"
    ),
]

SECTION = "## Make it yours\n"
LATER = "98.0"
PROGRAMS = ("lint-imports", "mypy", "pytest", "python", "ruff")


def commands() -> list[str]:
    """The lines of the section's blocks, in their order."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    section = text.partition(SECTION)[2].partition("\n## ")[0]
    blocks = re.findall(r"^```\n(.*?)^```$", section, re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def write_csv(path: Path) -> None:
    """Rides of which some are tipped, more often those that are paid by card."""
    lines = ["ride,miles,company,hour,paid by,tipped"]
    for number in range(2_000):
        by_card = number % 3 != 0
        tipped = (number * 7919) % 100 < (70 if by_card else 15)
        company, hour = ("Blue", "Yellow", "Größe")[number % 7 % 3], number * 31 % 24
        answers = "card" if by_card else "cash", "yes" if tipped else "no"
        lines.append(f"r{number},{number * 37 % 190 / 10},{company},{hour},{','.join(answers)}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def environment_of(folder: Path, package: Path) -> None:
    """A .venv as `make install` leaves it, with the packages of this one and one's own taxiway."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    lines = {name: f'exec {Path(sys.executable).with_name(name)} "$@"' for name in PROGRAMS}
    lines |= {"python": f'exec {sys.executable} "$@"'}
    lines |= {"taxiway": f'exec {sys.executable} -m taxiway "$@"'}
    for name, line in lines.items():
        (programs / name).write_text(f"#!/bin/sh\nexport PYTHONPATH={package}\n{line}\n")
        (programs / name).chmod(0o755)
    (folder / ".venv" / "installed").touch()
    uv = folder / ".uv" / "bin" / "uv"  # there, and with nothing left to do
    uv.parent.mkdir(parents=True)
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)


class Shell:
    """Types commands in a folder beside which projects are made."""

    def __init__(self, root: Path) -> None:
        self.here = copy_of_sources(root / "taxiway")
        environment_of(self.here, self.here)
        self.said = ""

    def type(self, command: str) -> str:
        if command.startswith("cd "):
            self.here = (self.here / command.split()[1]).resolve()
            return ""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("COVERAGE_", "PYTHON"))}
        told = {
            f"GIT_{who}_{what}": "fork@example.com"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        done = subprocess.run(
            ["sh", "-e", "-c", command],
            cwd=self.here,
            # Docker, where there is any, would have to pull an image.
            env={**kept, **told, **nobody, "SET": "container.engine=host"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout


def test_the_section_goes_from_a_new_project_to_a_run_and_an_upgrade() -> None:
    text = "\n".join(commands())
    for part in ("taxiway new project", "taxiway new model", "make run-local", "taxiway upgrade"):
        assert part in text


def test_typed_as_it_stands_it_ends_with_a_pushed_model_and_a_later_version(tmp_path: Path) -> None:
    write_csv(tmp_path / "fares.csv")
    shell, said = Shell(tmp_path), {}
    upstream, project = shell.here, tmp_path / "fares"
    for command in commands():
        if "taxiway upgrade" in command:  # to something that is later
            pyproject = upstream / "pyproject.toml"
            text = re.sub(
                r'^version = ".*"', f'version = "{LATER}"', pyproject.read_text(), flags=re.M
            )
            pyproject.write_text(text)
            with (upstream / "pipelines" / "exit.py").open("a") as file:
                file.write("# later\n")
        said[command] = shell.type(command)
        if "taxiway new project" in command:
            (packed,) = (project / "wheels").iterdir()
            with zipfile.ZipFile(packed) as archive:  # as pip installs a wheel of Python alone
                archive.extractall(tmp_path / "installed")
            environment_of(project, tmp_path / "installed")
    (pushed,) = project.glob("var/serving/fares/*/saved_model.pb")
    assert pushed.is_file()
    (ran,) = (output for command, output in said.items() if "make run-local" in command)
    assert "succeeded" in ran
    used = shell.type(".venv/bin/python -c 'import taxiway; print(taxiway.__file__)'").strip()
    assert Path(used).is_relative_to(tmp_path / "installed")
    assert (project / "pipelines" / "exit.py").read_text().endswith("# later\n")
    assert f"-> {LATER}" in said[next(command for command in said if "upgrade" in command)]
