"""docs/extend.md names every table that one extends, where it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.conftest import REPOSITORY
from tests.example import may_be_gone

TEXT = (REPOSITORY / "docs" / "extend.md").read_text()
ROWS = re.findall(r"^\| (?!to add|---)(.+?) \| `([^`]+)` \| (.+?) \| .+ \|$", TEXT, re.M)
ROOMS = ("taxiway", "components", "pipelines")


def defined(path: str) -> dict[str, ast.stmt]:
    """What a module has at its top, by name."""
    found: dict[str, ast.stmt] = {}
    for node in ast.parse((REPOSITORY / path).read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {one.id: node for one in node.targets if isinstance(one, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return found


@pytest.mark.parametrize(("path", "table"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS])
def test_what_a_row_names_is_in_its_file(path: str, table: str) -> None:
    if may_be_gone(path) and not (REPOSITORY / path).exists():
        pytest.skip(f"{path} has been removed, as a fork may do")
    assert re.findall(r"`(\w+)`", table)[0] in defined(path)


def tables() -> Iterator[tuple[str, str]]:
    """Unions of kinds, and mappings from a name to a function or a class."""
    for room in ROOMS:
        for path in sorted((REPOSITORY / room).rglob("*.py")):
            file = path.relative_to(REPOSITORY).as_posix()
            for name, node in defined(file).items():
                text = ast.unparse(node)
                is_union = isinstance(node, ast.Assign) and "discriminator='kind'" in text
                is_table = isinstance(node, ast.AnnAssign) and re.match(
                    r"\w+: Final\[(Mapping|tuple)\[.*(Callable|type\])", text
                )
                if (is_union or is_table) and not name.startswith("_"):
                    yield file, name


def test_every_table_of_kinds_and_functions_has_a_row() -> None:
    found = set(tables())
    assert len(found) > 10
    rows = {(path, name) for _, path, text in ROWS for name in re.findall(r"`(\w+)`", text)}
    assert not sorted(found - rows)
