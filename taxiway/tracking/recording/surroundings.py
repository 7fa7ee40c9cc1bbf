"""What a run is surrounded by: its code, what is installed, and the machine."""

from __future__ import annotations

import json
import os
import platform
import re
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from taxiway.config.places import model_folder
from taxiway.process.code_digest import files_used
from taxiway.process.git import uncommitted
from taxiway.process.project import project_root
from taxiway.process.provenance import GIT_COMMIT, GIT_DIRTY, LOCK_DIGEST, used_by_runs
from taxiway.tracking.run_record.record import Code, Machine, Packages

_SUFFIX: Final = ".dist-info"
CLASSIC: Final = (3, 10)
"""Python of the classic stack, as markers in pyproject.toml say; later ones have the modern."""


def code_of(module: str, properties: Mapping[str, Any]) -> Code:
    """The code as it is now.

    Args:
      module: import path of the model's folder.
      properties: of the run, see taxiway/process/provenance.py. The changes since the commit are
        asked for only where they say that there are some.
    """
    root, model = project_root(), model_folder(module)
    known = properties.get(GIT_DIRTY)
    dirty = None if known is None else bool(json.loads(str(known)))
    diff, cut = "", False
    if dirty:
        used = used_by_runs(root)
        inside = model.resolve().is_relative_to(root.resolve())
        own = (model.resolve().relative_to(root.resolve()).as_posix(),) if inside else ()
        diff, cut = uncommitted(root, (*used, *own))
    return Code(
        commit=str(properties.get(GIT_COMMIT, "")),
        dirty=dirty,
        diff=diff,
        diff_cut=cut,
        files=files_used(model),
    )


def packages_of(properties: Mapping[str, Any]) -> Packages:
    """What is installed where this process runs.

    Args:
      properties: of the run.
    """
    stack = "classic" if sys.version_info[:2] == CLASSIC else "modern"
    releases = {"python": platform.python_version()} | _installed()
    return Packages(lock=str(properties.get(LOCK_DIGEST, "")), stack=stack, releases=releases)


def machine() -> Machine:
    """The one that this process runs on."""
    return Machine(
        host=socket.gethostname(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cores=_cores(),
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
    )


def _cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 0


def _installed() -> dict[str, str]:
    """Releases by name, as the names of the folders beside the packages say them.

    Python's own importlib.metadata reads a file for each, which takes a quarter of a second. What a
    package has brought for itself, as setuptools puts it on the path once it is imported, is not
    installed: it would depend on what this process has imported before.
    """
    found: dict[str, str] = {}
    for place in reversed(sys.path):
        if (Path(place).parent / "__init__.py").is_file():
            continue
        try:
            names = [path.name for path in Path(place).iterdir() if path.name.endswith(_SUFFIX)]
        except OSError:  # an archive, or not there
            continue
        for name in names:
            package, _, release = name.removesuffix(_SUFFIX).rpartition("-")
            found[re.sub(r"[-_.]+", "-", package).lower()] = release
    return dict(sorted(found.items()))
