"""Lines in files that components share: the artifact's type, the settings, the line in the README.

Each is put there so that it can be taken out again, byte for byte; what was edited since is found,
and taken out only where that is asked for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from taxiway.scaffold.component.kinds import Component

ARTIFACTS: Final = "components/artifacts.py"
CONFIG: Final = "configs/base.yaml"
README: Final = "README.md"
_TABLE: Final = re.compile(r"^\| custom component \|.*\n\|[-| ]+\|\n(?:\|.*\n)*", re.M)
_PIPELINE: Final = re.compile(r"^pipeline:[ \t]*(?:#.*)?\n(?:(?:[ \t]+.*)?\n)*", re.M)
_SECTION: Final = re.compile(
    r"^(?P<indent> +)components:[ \t]*(?:#.*)?\n(?:(?P=indent) +.*\n)*", re.M
)
_HEADING: Final = "components: # settings of your own components, each of its settings.py\n"


@dataclass(frozen=True)
class Line:
    """What a component has in one shared file."""

    path: str
    """Below the project."""
    what: str
    """It is, for people."""
    add: Callable[[str], str | None]
    """The file's text with it; None where there is no place for it."""
    take_out: Callable[[str], str | None]
    """The file's text without it; None where it is not there as it was written."""
    cut_out: Callable[[str], str]
    """The file's text without it, however it was edited."""


def lines_of(component: Component) -> tuple[Line, ...]:
    """What a component has in shared files, its wiring apart."""
    return (_artifact(component), _settings(component), _readme(component))


def _artifact(component: Component) -> Line:
    name = component.class_name
    written = (
        f"\n\nclass {name}(Artifact):  # type: ignore[misc]  # TFX ships no types\n"
        f'    """{component.kind.output}"""\n\n    TYPE_NAME = "{name}"\n'
    )
    return Line(
        ARTIFACTS,
        "the type of its output",
        add=lambda text: f"{text.rstrip()}\n{written}",
        take_out=lambda text: _without(text, written),
        cut_out=lambda text: _without_class(text, name),
    )


def _without_class(source: str, name: str) -> str:
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            lines = source.splitlines(keepends=True)
            before = "".join(lines[: node.lineno - 1]).rstrip()
            return f"{before}\n{''.join(lines[node.end_lineno :])}"
    return source


def _settings(component: Component) -> Line:
    written = f"{component.name}: {component.kind.settings}\n"
    entry = re.compile(rf"^( +){component.name}:.*\n(?:\1 +.*\n)*", re.M)

    def add(text: str) -> str | None:
        pipeline = _PIPELINE.search(text)
        if pipeline is None:
            return None
        body = pipeline[0].rstrip("\n ")
        own = _SECTION.search(pipeline[0])
        if own:
            at = pipeline.start() + own.end()
            return f"{text[:at]}{own['indent']}  {written}{text[at:]}"
        if re.search(r"^ +components:", body, re.M):  # written in another way
            return None
        indent = re.search(r"^ +(?=\w)", body, re.M)
        space = indent[0] if indent else "  "
        at = pipeline.start() + len(body)
        return f"{text[:at]}\n{space}{_HEADING}{space}  {written}{text[at + 1 :]}"

    def without(text: str, line: re.Pattern[str]) -> str | None:
        pipeline = _PIPELINE.search(text)
        own = _SECTION.search(pipeline[0]) if pipeline else None
        found = line.search(own[0]) if own else None
        if not (pipeline and own and found):
            return None
        kept = own[0].replace(found[0], "", 1)
        kept = kept if kept.count("\n") > 1 else ""  # the heading alone
        at = pipeline.start() + own.start()
        return f"{text[:at]}{kept}{text[at + len(own[0]) :]}"

    exact = re.compile(rf"^ +{re.escape(written)}", re.M)
    return Line(
        CONFIG,
        "its settings",
        add=add,
        take_out=lambda text: without(text, exact),
        cut_out=lambda text: without(text, entry) or text,
    )


def _readme(component: Component) -> Line:
    kind = component.kind.words.replace("-", " ")
    written = f"| {component.class_name} | {kind} | {component.kind.does} |\n"
    row = re.compile(rf"^\| {component.class_name} \|.*\n", re.M)

    def add(text: str) -> str | None:
        table = _TABLE.search(text)
        return f"{text[: table.end()]}{written}{text[table.end() :]}" if table else None

    return Line(
        README,
        "what it does, in the table of components",
        add=add,
        take_out=lambda text: _without(text, written),
        cut_out=lambda text: row.sub("", text, count=1),
    )


def _without(text: str, part: str) -> str | None:
    return text.replace(part, "") if text.count(part) == 1 else None
