"""Where a project still uses a component: its module, its artifact, or its settings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from taxiway.scaffold.component.files import read

ROOMS: Final = ("components", "models", "pipelines", "benchmarks", "notebooks", "tests")


def uses(
    root: Path, name: str, class_name: str, without: Mapping[str, str | None]
) -> Iterator[str]:
    """Each place, as `file:line`, in the order of the files.

    Args:
      root: the project.
      name: the component's.
      class_name: of its class and its artifact.
      without: texts that files will have; a file whose text is None will be gone.
    """
    own = f"components/{name}/"
    files = (path for room in ROOMS for path in sorted((root / room).rglob("*.py")))
    for path in (*files, *sorted((root / "configs").glob("*.yaml"))):
        place = path.relative_to(root).as_posix()
        text = without[place] if place in without else read(path)
        if text is None or place.startswith(own):
            continue
        find = _in_config if path.suffix == ".yaml" else _in_code
        for line in sorted(set(find(text, name, class_name))):
            yield f"{place}:{line}" if line else place


def _in_code(text: str, name: str, class_name: str) -> Iterator[int]:
    if name not in text and class_name not in text:
        return
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except SyntaxError:  # not ours to judge
        return
    brought: set[str] = set()
    for node in nodes:
        if _names(node, name, class_name):
            yield getattr(node, "lineno", 0)
            if isinstance(node, ast.Import | ast.ImportFrom):
                brought.update(alias.asname or alias.name for alias in node.names)
    yield from (node.lineno for node in nodes if isinstance(node, ast.Name) and node.id in brought)


def _names(node: ast.AST, name: str, class_name: str) -> bool:
    """Whether a piece of code is about the component."""
    module = f"components.{name}"
    if isinstance(node, ast.Import):
        return any(_within(alias.name, module) for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        names = {alias.name for alias in node.names}
        return (
            _within(node.module or "", module)
            or (node.module == "components" and name in names)
            or (node.module == "components.artifacts" and class_name in names)
        )
    if isinstance(node, ast.Attribute):
        return node.attr == class_name and ast.unparse(node.value).endswith("artifacts")
    return isinstance(node, ast.Constant) and _within(str(node.value), module)


def _in_config(text: str, name: str, _: str) -> Iterator[int]:
    """A line of 0 is a section, which has no line of its own here."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(rf"\bcomponents\.{name}\b", line.partition(" #")[0]):
            yield number
    try:
        read_in: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        return
    for key in ("pipeline", "components"):
        read_in = read_in.get(key) if isinstance(read_in, dict) else None
    if isinstance(read_in, dict) and name in read_in:
        yield 0


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")
