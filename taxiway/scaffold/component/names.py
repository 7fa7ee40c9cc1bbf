"""Which names a component may have: Python, TFX, Kubeflow and the project all have a say."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from taxiway.errors import ConfigError
from taxiway.scaffold.component.files import parse, read
from taxiway.scaffold.component.kinds import LONGEST, Component
from taxiway.terminal import one_line

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
TFX_ARTIFACTS: Final = (
    *("Boolean", "Bytes", "Config", "DataView", "ExampleAnomalies", "ExampleStatistics"),
    *("ExampleValidationMetrics", "Examples", "ExamplesDiff", "ExternalArtifact", "Float"),
    *("HyperParameters", "InferenceResult", "InfraBlessing", "Integer", "JsonValue", "Model"),
    *("ModelBlessing", "ModelEvaluation", "ModelRun", "PushedModel", "Schema", "String"),
    *("TransformCache", "TransformGraph", "TunerResults"),
)
"""Types that ML Metadata knows already, and knows otherwise."""
_EDIT: Final = "the name on the command line"


def check_spelling(name: str) -> None:
    """Refuses what cannot be a component's folder, its class and its node at once.

    Raises:
      ConfigError: with what was expected.
    """
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        raise ConfigError(
            f"'{one_line(name)}' is no name of a component: expected lower-case words with _ "
            f"between them, such as label_balance, {LONGEST} characters at most",
            edit=_EDIT,
        )


def check_free(root: Path, component: Component) -> None:
    """Refuses a name that is reserved, or that the project has already.

    Raises:
      ConfigError: with where the name is taken.
    """
    names = {component.class_name, component.named(component.kind.factory)}
    for name in (component.name, *sorted(names)):
        if keyword.iskeyword(name) or (name in names and hasattr(builtins, name)):
            raise ConfigError(
                f"'{component.name}' cannot be a component: {name} is a word of Python itself",
                edit=_EDIT,
            )
    if component.class_name.lower() in {name.lower() for name in TFX_ARTIFACTS}:
        raise ConfigError(
            f"'{component.name}' cannot be a component: {component.class_name} is a type of "
            "artifact that TFX has already",
            edit=_EDIT,
        )
    for path in _places(root, component):
        raise ConfigError(
            f"'{component.name}' cannot be a component: {path} exists",
            edit=_EDIT,
        )
    for path, taken in _taken(root, component):
        clash = sorted(names & taken) or _but_for_case(component.class_name, taken)
        if clash:
            raise ConfigError(
                f"'{component.name}' cannot be a component: {clash[0]} has a meaning in {path} "
                "already",
                edit=_EDIT,
            )


def _places(root: Path, component: Component) -> Iterator[str]:
    """What is already where its files would be; a folder of caches alone is nothing."""
    folder = root / component.folder
    held = list(folder.iterdir()) if folder.is_dir() else []
    if any(path.name != "__pycache__" for path in held):
        yield f"{component.folder}/"
    for path in (f"{component.folder}.py", component.test):
        if (root / path).exists():
            yield path


def _taken(root: Path, component: Component) -> Iterator[tuple[str, set[str]]]:
    """The words of the code that the names would stand in: pipelines, artifacts, its own."""
    shared = [root / "components" / "artifacts.py", *sorted((root / "pipelines").glob("*.py"))]
    for path in shared:
        if path.is_file():
            place = str(path.relative_to(root))
            yield place, words(parse(read(path) or "", place))
    template = component.kind.template("component.py")
    own = words(ast.parse(template)) - {component.kind.factory, "MyComponent", "my_component"}
    yield "its own component.py", own


def _but_for_case(class_name: str, taken: set[str]) -> list[str]:
    """Kubeflow writes the ids of nodes in lower case; only such names can be ids."""
    ids = sorted(word for word in taken if word[:1].isupper())
    return [word for word in ids if word.lower() == class_name.lower()]


def words(module: ast.Module) -> set[str]:
    """Every name in a module: what is imported, defined or used in it, and its texts."""
    found: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found
