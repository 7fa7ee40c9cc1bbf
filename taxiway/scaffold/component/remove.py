"""`taxiway remove component`: takes away what `taxiway new component` wrote, and nothing else."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from taxiway.errors import ConfigError, did_you_mean
from taxiway.scaffold.component.files import parse, read, write_all
from taxiway.scaffold.component.kinds import KINDS, Component
from taxiway.scaffold.component.names import check_spelling
from taxiway.scaffold.component.shared import lines_of
from taxiway.scaffold.component.uses import uses
from taxiway.scaffold.component.wiring import unwire

_SHOWN = 10
"""Places that an error names."""


@dataclass(frozen=True)
class Removed:
    """What was done."""

    component: str
    removed: tuple[str, ...]
    """Files, below the project."""
    changed: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def remove_component(root: Path, name: str, *, force: bool) -> Removed:
    """Removes a component from a project, with its lines in shared files and pipelines.

    Args:
      root: the project.
      name: the component's.
      force: also what was edited since, or was never written by `taxiway new component`.

    Raises:
      ConfigError: there is no such component, it is still used, or was edited and `force` is False.
      TaxiwayError: a file cannot be written; nothing was changed then.
    """
    component = _find(root, name)
    own = _own_files(root, component)
    written = component.files()
    edited = [path for path in own if _bytes_of(root / path) != written.get(path, "").encode()]
    texts: dict[str, str | None] = {}
    for line in lines_of(component):
        text = read(root / line.path)
        if text is None:
            continue
        if line.path.endswith(".py"):
            parse(text, line.path)
        without, cut = line.take_out(text), line.cut_out(text)
        if without is None and cut != text:
            edited.append(f"{line.path} ({line.what})")
        if (without or cut) != text:
            texts[line.path] = without or cut
    for path in sorted((root / "pipelines").glob("*.py")):
        place = path.relative_to(root).as_posix()
        source = read(path) or ""
        parse(source, place)
        without = unwire(source, component)
        if without is not None:
            texts[place] = without
    changed = tuple(texts)
    texts.update(dict.fromkeys(own))
    _refuse_used(root, component, texts)
    if edited and not force:
        raise ConfigError(
            f"{component.folder} is not as `taxiway new component` writes it; edited: "
            f"{_some(edited)}",
            edit="--force removes it all the same, or remove it by hand",
        )
    write_all(root, texts)
    shutil.rmtree(root / component.folder, ignore_errors=True)  # what Python has cached
    return Removed(name, tuple(own), changed)


def _find(root: Path, name: str) -> Component:
    """The component, of the kind that most of its files are of."""
    check_spelling(name)
    folder = root / "components" / name
    if not folder.is_dir():
        known = sorted(path.parent.name for path in folder.parent.glob("*/__init__.py"))
        raise ConfigError(
            f"no component is named '{name}'{did_you_mean(name, known)} "
            f"(known: {', '.join(known) or 'none'})",
            edit="the name on the command line",
        )
    candidates = [Component(name, kind) for kind in KINDS.values()]
    return max(candidates, key=lambda one: _likeness(root, one))


def _likeness(root: Path, component: Component) -> int:
    """How many files are as this kind has them."""
    files = component.files().items()
    return sum(_bytes_of(root / path) == text.encode() for path, text in files)


def _own_files(root: Path, component: Component) -> list[str]:
    """What is in its folder but for Python's caches, and its test."""
    found = sorted(path for path in (root / component.folder).rglob("*") if not path.is_dir())
    kept = [path for path in found if "__pycache__" not in path.parts]
    test = root / component.test
    both = [*kept, test] if test.is_file() else kept
    return [path.relative_to(root).as_posix() for path in both]


def _bytes_of(path: Path) -> bytes:
    """What is in a file; nothing of one that is not there."""
    return path.read_bytes() if path.is_file() else b""


def _refuse_used(root: Path, component: Component, texts: dict[str, str | None]) -> None:
    places = list(uses(root, component.name, component.class_name, texts))
    if places:
        raise ConfigError(
            f"{component.folder} is still used: {_some(places)}",
            edit="those lines first; then remove it",
        )


def _some(places: list[str]) -> str:
    more = len(places) - _SHOWN
    return ", ".join(places[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
