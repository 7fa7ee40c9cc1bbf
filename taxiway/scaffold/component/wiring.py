"""The line that puts a component into a pipeline, and its import: written, and taken out again."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Final

from taxiway.scaffold.component.kinds import Component

WIDTH: Final = 100
"""Of a line of code, as pyproject.toml has it."""


@dataclass(frozen=True)
class Channel:
    """Where a pipeline has what a component reads."""

    name: str
    """The variable of `name = node.outputs["statistics"]`."""
    line: int
    """That this ends on, from 1 on."""
    indent: int
    config: str
    """The variable of the pipeline's config."""


def find_channel(source: str, reads: str) -> Channel | None:
    """The first variable of `create_pipeline` that holds an output of this name, if any does."""
    for function in ast.parse(source).body:
        if not (isinstance(function, ast.FunctionDef) and function.name == "create_pipeline"):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and _is_output(node.value, reads):
                (target,) = node.targets
                if isinstance(target, ast.Name) and function.args.args:
                    config = function.args.args[0].arg
                    line = node.end_lineno or node.lineno
                    return Channel(target.id, line, node.col_offset, config)
    return None


def _is_output(value: ast.expr, reads: str) -> bool:
    return (
        isinstance(value, ast.Subscript)
        and isinstance(value.value, ast.Attribute)
        and value.value.attr == "outputs"
        and isinstance(value.slice, ast.Constant)
        and value.slice.value == reads
    )


def statement(component: Component, channel: Channel) -> str:
    """What makes the node, as ruff would format it."""
    call = component.named(component.kind.call).format(channel=channel.name, config=channel.config)
    indent = " " * channel.indent
    if len(indent + call) <= WIDTH:
        return f"{indent}{call}\n"
    head, _, arguments = call.removesuffix(")").partition("(")
    within = f"{indent}    {arguments}"
    if len(within) > WIDTH:
        within = ",\n".join(f"{indent}    {one}" for one in arguments.split(", ")) + ","
    return f"{indent}{head}(\n{within}\n{indent})\n"


@dataclass(frozen=True)
class Wired:
    """A pipeline's text with a component in it."""

    text: str
    statement: str
    line: int
    """Of the statement, from 1 on."""


def wire(source: str, component: Component) -> Wired | None:
    """A pipeline's text with the component's import and statement in it.

    Returns:
      None where the pipeline has no variable with what the component reads.
    """
    channel = find_channel(source, component.kind.reads)
    if channel is None:
        return None
    lines = source.splitlines(keepends=True)
    place = _place_of_import(source, component)
    made = statement(component, channel)
    lines.insert(channel.line, made)
    lines.insert(place, f"{component.import_line}\n")
    return Wired("".join(lines), made, channel.line + 2)


def unwire(source: str, component: Component) -> str | None:
    """A pipeline's text without what `wire` put there; None where that is not in it as written."""
    imported = f"{component.import_line}\n"
    channel = find_channel(source, component.kind.reads)
    if channel is None or f"\n{source}".count(f"\n{imported}") != 1:
        return None
    made = statement(component, channel)
    if f"\n{source}".count(f"\n{made}") != 1:
        return None
    without = f"\n{source}".replace(f"\n{made}", "\n").replace(f"\n{imported}", "\n")
    return without.removeprefix("\n")


def _place_of_import(source: str, component: Component) -> int:
    """The line, from 0 on, before which the import is sorted in."""
    body = ast.parse(source).body
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    ours = [node for node in imports if _module(node).partition(".")[0] == "components"]
    module = f"components.{component.name}.component"
    for node in ours:
        if _order(_module(node)) > _order(module):
            return node.lineno - 1
    last = (ours or imports)[-1] if imports else None
    return (last.end_lineno or last.lineno) if last else 0


def _module(node: ast.Import | ast.ImportFrom) -> str:
    return (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name


def _order(module: str) -> list[tuple[int, str]]:
    """As ruff sorts imports: numbers by their value."""
    parts = re.split(r"(\d+)", module)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
