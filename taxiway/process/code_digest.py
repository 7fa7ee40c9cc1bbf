"""What code a run uses, as digests: by them caches, tasks and workers know that it has changed."""

from __future__ import annotations

import functools
import hashlib
import platform
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from taxiway.process.project import FOLDERS, project_root

PACKAGES: Final = ("taxiway", *FOLDERS)
"""All that runs; deploy/Dockerfile copies the same."""
LIBRARIES: Final = (
    *("tfx", "tensorflow", "tensorflow-data-validation", "tensorflow-transform"),
    "tensorflow-model-analysis",
)
"""What nodes leave depends on their versions."""

CODE: Final = (".py", ".pbtxt", ".j2")
"""What counts of PACKAGES; not configs/*.yaml, which a run is given resolved."""
BESIDE: Final = (".md", ".ipynb")
"""What does not count of a model's folder."""

_OURS: Final = rb"(?:" + "|".join(PACKAGES).encode() + rb")"
_IMPORT: Final = re.compile(
    rb"\n[ \t]*(?:from[ \t]+("
    + _OURS
    + rb"\b[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]+)|import[ \t]+("
    + _OURS
    + rb"\b[^\n#]*))"
)
_QUOTED: Final = re.compile(rb'"(' + _OURS + rb'\.[\w.]+)"')


def packages_digest() -> str:
    """sha256 of Taxiway's own code, which must be the same wherever a run works."""
    return _digest([_folder(name) for name in PACKAGES], lambda path: path.suffix in CODE)


def files_digest(*folders: Path) -> str:
    """sha256 of folders of models: of all files, since code may read any of them.

    Hidden files, documentation and notebooks do not count, nor what Python makes of its files.
    """
    return _digest(folders, lambda path: path.suffix not in BESIDE)


def files_used(model: Path) -> dict[str, str]:
    """sha256 of each file of code that a run with a model uses, by its path in the project.

    They are those of PACKAGES, without the other models; all files of the model's folder count, as
    in `files_digest`. What lies outside of the project has the path by which it is imported.

    Args:
      model: the folder of the run's model.
    """
    root = project_root()
    found = {}
    for name in (one for one in PACKAGES if one != "models"):
        for path, below in _files(_folder(name), lambda path: path.suffix in CODE):
            found[f"{name}/{below}"] = _sha256(path)
    inside = model.resolve().is_relative_to(root.resolve())
    place = model.resolve().relative_to(root.resolve()).as_posix() if inside else model.name
    for path, below in _files(model, lambda path: path.suffix not in BESIDE):
        found[f"{place}/{below}"] = _sha256(path)
    return found


def _digest(folders: Iterable[Path], counts: Callable[[Path], bool]) -> str:
    digest = hashlib.sha256()
    for folder in folders:
        for path, name in _files(folder, counts):
            digest.update(name.encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def _files(folder: Path, counts: Callable[[Path], bool]) -> Iterator[tuple[Path, str]]:
    """Files of a folder that count, and their names below it, in order."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith((".", "__pycache__")) for part in name.parts)
        if not hidden and counts(path) and path.is_file():
            yield path, name.as_posix()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Modules:
    """The modules of PACKAGES as they are on disk when they are first asked for."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[_Source, ...]] = {}

    def digest(self, *names: str) -> str:
        """sha256 of modules and all of those that they name, directly or not.

        A name counts in an import, and in double quotes, as where a module is run as a program.
        Modules of others count by the versions of Python and LIBRARIES. What only a config names
        does not count: for model folders there is `files_digest`.
        """
        reached: set[_Source] = set()
        waiting, seen = set(names), set[str]()
        while waiting:
            name = waiting.pop()
            seen.add(name)
            for source in self._sources(name):
                if source not in reached:
                    reached.add(source)
                    waiting |= source.names - seen
        digest = hashlib.sha256(repr(versions(LIBRARIES)).encode())
        for source in sorted(reached, key=lambda one: one.name):
            digest.update(source.name.encode() + b"\0" + source.sha256)
        return digest.hexdigest()

    def _sources(self, name: str) -> tuple[_Source, ...]:
        """Of a module, of a package (and what runs by its name), or of nothing that is ours."""
        if name not in self._found:
            package, _, rest = name.partition(".")
            files: tuple[str, ...] = ()
            if package in PACKAGES:
                place = f"{_folder(package)}/{rest.replace('.', '/')}".rstrip("/")
                files = (f"{place}.py", f"{place}/__init__.py", f"{place}/__main__.py")
            self._found[name] = tuple(_read(name, file) for file in files if Path(file).is_file())
        return self._found[name]


@dataclass(frozen=True, eq=False)
class _Source:
    """A file: which module it is, what it holds, and the names in it that may be modules."""

    name: str
    sha256: bytes
    names: frozenset[str]


def _folder(package: str) -> Path:
    """Where the code of one of PACKAGES is; that of this one may be installed elsewhere."""
    return Path(__file__).parents[1] if package == "taxiway" else project_root() / package


def _read(name: str, path: str) -> _Source:
    source = b"\n" + Path(path).read_bytes()
    names = {name.decode() for name in _QUOTED.findall(source)}
    for package, taken, plain in _IMPORT.findall(source):
        if package:
            names.add(package.decode())
            names.update(f"{package.decode()}.{name}" for name in _first_words(taken))
        else:
            names.update(_first_words(plain))
    return _Source(f"{name} {Path(path).name}", hashlib.sha256(source).digest(), frozenset(names))


@functools.lru_cache
def versions(packages: Sequence[str]) -> Mapping[str, str]:
    """Of Python and of packages, by name; empty where one is missing. Nothing is imported."""
    found = {"Python": platform.python_version().rpartition(".")[0]}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = ""
    return found


def _first_words(names: bytes) -> Iterator[str]:
    """Without `as ...`, brackets and comments."""
    for name in re.sub(rb"#[^\n]*", b"", names).strip(b"() \t").split(b","):
        if name.split():
            yield name.split()[0].decode()
