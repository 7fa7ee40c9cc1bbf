"""The catalog of pipelines: each is a module with a `create_pipeline`, found by its import path.

A file in `pipelines/` is a pipeline for every command and every target. The config carries the
path (`pipeline.module`), so that a task on a cluster finds the same one.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from taxiway.config.schema import Config
from taxiway.errors import ConfigError, did_you_mean

FOLDER: Final = "pipelines"
EXIT_MODULE: Final = f"{FOLDER}.exit"
_CREATES: Final = re.compile(r"^def create_pipeline\(", re.M)


def module_of(name: str) -> str:
    """The import path of a pipeline, found without importing it.

    Args:
      name: of a file in `pipelines/` (`batch-inference` is `batch_inference.py`), or a dotted path.

    Raises:
      ConfigError: there is no such module, or it has no `create_pipeline`.
    """
    module = name if "." in name else f"{FOLDER}.{name.replace('-', '_')}"
    source = _source(module)
    if source is None:
        known = names()
        raise ConfigError(
            f"no pipeline is named '{name}'{did_you_mean(name, known)} "
            f"(known: {', '.join(known) or 'none'})",
            edit=f"the command line, or add {module.replace('.', '/')}.py",
        )
    if not _CREATES.search(source.read_text(encoding="utf-8")):
        raise ConfigError(
            f"{module} is no pipeline: it has no function create_pipeline(config)",
            edit=str(source),
        )
    return module


def names() -> list[str]:
    """Every pipeline in `pipelines/`, by the name that commands take."""
    package = importlib.util.find_spec(FOLDER)
    folders = package.submodule_search_locations if package else None
    files = sorted(file for folder in folders or () for file in Path(folder).glob("*.py"))
    return [
        file.stem.replace("_", "-")
        for file in files
        if _CREATES.search(file.read_text(encoding="utf-8"))
    ]


def load_pipeline(config: Config) -> Callable[[Config], Any]:
    """The `create_pipeline(config)` that the config names; its module is imported, with TFX."""
    create: Callable[[Config], Any] = importlib.import_module(
        config.pipeline.module
    ).create_pipeline
    return create


def load_exit_pipeline() -> Callable[[Config, str], Any]:
    """`create_exit_pipeline(config, run_id)`, of what runs when a run has ended, however it did."""
    create: Callable[[Config, str], Any] = importlib.import_module(EXIT_MODULE).create_exit_pipeline
    return create


def _source(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None
