"""Keeps what no step uses out of a process that imports TensorFlow and TFX.

A fifth of what importing TFX takes, and more where no bytecode is kept, goes to plots, notebooks,
scikit-learn, metrics of text and Kubernetes' client, which a pipeline never calls.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, MutableSequence, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

OPTIONAL: Final = ("IPython", "ipywidgets", "matplotlib", "sklearn")
"""Whoever imports these does without where they are missing: Beam's progress bars, TFDV's displays,
Keras's plots and its wrappers for scikit-learn. A fork that wants those of Keras takes them out."""

DEFERRED: Final = (
    "kubernetes",
    "nltk",
    "rouge_score",
    "sacrebleu",
    "tensorflow_model_analysis.notebook",
)
"""Used in functions only: by TFX's own InfraValidator, TFMA's metrics of text, and its views."""


@contextmanager
def lean_imports() -> Iterator[None]:
    """Within it, imports go without OPTIONAL, and DEFERRED are imported when they are first used.

    What is imported already stays as it is; after it, all can be imported as ever. OPTIONAL are
    hidden all or not at all, for they ask for each other.
    """
    hidden = () if any(name in sys.modules for name in OPTIONAL) else OPTIONAL
    finder = _Finder([name for name in DEFERRED if name not in sys.modules])
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: not to be imported
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        finder.is_over = True
        sys.meta_path.remove(finder)
        for name in hidden:
            del sys.modules[name]
        for name in [name for name, one in sys.modules.items() if isinstance(one, _Deferred)]:
            del sys.modules[name]


class _Deferred(ModuleType):
    """A module, or what is in one, that is imported when something of it is used."""

    __path__: MutableSequence[str] = []  # noqa: RUF012  # of a package without files

    def __init__(self, name: str, finder: _Finder) -> None:
        super().__init__(name)
        self._finder = finder

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if not self._finder.is_over:
            return _Deferred(f"{self.__name__}.{name}", self._finder)  # to annotate something
        return getattr(_real(self.__name__), name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return _real(self.__name__)(*arguments, **named)


def _real(name: str) -> Any:
    """A module by its name, or what stands in one."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        parent, _, last = name.rpartition(".")
        if not parent:
            raise
        return getattr(_real(parent), last)


class _Finder:
    """Finds deferred packages, and all that is in them."""

    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = packages
        self.is_over = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Called by the import system."""
        del path, target
        if not any(name == one or name.startswith(f"{one}.") for one in self._packages):
            return None
        return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]  # a loader by its methods

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Called by the import system."""
        return _Deferred(spec.name, self)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is executed yet."""
