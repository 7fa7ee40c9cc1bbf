"""The file trees and the layers that the documentation draws are those of the code."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ARCHITECTURE = "docs/explanation/architecture.md"
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.M | re.S)
TREE_LINE = re.compile(r"^(?P<indent> *)(?P<name>[\w.-]+(?:/[\w.-]+)*/?)\s{2,}(?P<text>\S.*)")
FORKS = ["configs/", "models/", "components/", "pipelines/"]


def blocks(page: str) -> list[list[str]]:
    """The lines of each fenced block of a page."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    return [block.rstrip().splitlines() for block in BLOCK.findall(text)]


def tree(page: str) -> dict[str, str]:
    """Paths named by a page's file tree, the block in which most names end in `/`; their texts."""
    for lines in blocks(page):
        matches = [match for line in lines if (match := TREE_LINE.match(line))]
        folders = [match for match in matches if match["name"].endswith("/")]
        if len(matches) != len(lines) or len(folders) * 2 < len(lines):
            continue
        paths: dict[str, str] = {}
        parents: list[tuple[int, str]] = []
        for match in matches:
            indent = len(match["indent"])
            while parents and parents[-1][0] >= indent:
                parents.pop()
            path = (parents[-1][1] if parents else "") + match["name"]
            paths[path] = match["text"]
            if path.endswith("/"):
                parents.append((indent, path))
        return paths
    return {}


def packages(below: Path) -> list[str]:
    """Every package of a folder, itself included, as paths below the repository."""
    found = sorted(path.parent for path in below.rglob("__init__.py"))
    return [f"{path.relative_to(REPOSITORY).as_posix()}/" for path in found]


@pytest.mark.parametrize("page", ["README.md", ARCHITECTURE])
class TestTrees:
    """A reader finds what the trees name."""

    def test_every_name_exists(self, page: str) -> None:
        paths = tree(page)
        assert paths, f"{page} has no fenced block of lines like `configs/      what a run is`"
        for path in paths:
            found = REPOSITORY / path
            assert found.is_dir() if path.endswith("/") else found.is_file(), f"{page}: {path}"

    def test_the_four_folders_of_a_fork_come_first_then_taxiway(self, page: str) -> None:
        assert list(tree(page))[:5] == [*FORKS, "taxiway/"]

    def test_no_folder_of_code_is_left_out(self, page: str) -> None:
        folders = {f"{path.parent.name}/" for path in REPOSITORY.glob("*/__init__.py")}
        assert folders <= set(tree(page))


def test_the_architectures_tree_has_every_room_of_the_machine() -> None:
    listed = [path for path in tree(ARCHITECTURE) if path.startswith("taxiway/")]
    assert listed == packages(REPOSITORY / "taxiway")


@pytest.mark.parametrize("path", [path for path in tree(ARCHITECTURE) if path.endswith("/")])
def test_what_the_tree_says_of_a_package_is_its_own_first_line(path: str) -> None:
    module = REPOSITORY / path / "__init__.py"
    if module.is_file():
        docstring = ast.get_docstring(ast.parse(module.read_text())) or ""
        assert tree(ARCHITECTURE)[path] == docstring.splitlines()[0]


def contracts() -> list[dict[str, Any]]:
    """The layers as import-linter checks them."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    found = project["tool"]["importlinter"]["contracts"]
    return [contract for contract in found if contract["type"] == "layers"]


def test_the_layers_that_are_drawn_are_those_that_are_checked() -> None:
    drawn: list[str] = []
    for contract in contracts():
        room = "".join(contract.get("containers", ()))
        indent = "    " if room else ""
        if "." in room:  # those of the machine room are drawn below its line
            drawn += ["", room.replace(".", "/")]
        drawn += [f"{indent}{layer}" for layer in contract["layers"]]
    assert drawn in blocks(ARCHITECTURE)


def test_the_rooms_that_may_know_tfx_are_those_that_are_checked() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (
        contract
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["type"] == "forbidden" and contract["forbidden_modules"] == ["tfx"]
    )
    inside = (REPOSITORY / "taxiway").iterdir()
    rooms = {path.stem for path in inside if path.name[0] != "_" and path.name != "py.typed"}
    without = {name.removeprefix("taxiway.") for name in contract["source_modules"]}
    assert rooms - without == {"arrow", "runners", "cli"}  # the last only through the runners
