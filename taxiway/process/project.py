"""The project that this process works for: the folder with configs, models, components, pipelines.

`taxiway` may be installed from a wheel while the project is a checkout elsewhere, so nothing may
look for the four folders beside this file.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

FOLDERS: Final = ("components", "models", "pipelines")
"""Packages of a project; configs/ beside them holds YAML only."""
_MARK: Final = Path("configs", "base.yaml")


def project_root() -> Path:
    """The nearest folder, from the current one upwards, that has `configs/base.yaml`.

    Without one it is the checkout that this package is in, or else the current folder.
    """
    here = _current_folder()
    checkout = Path(__file__).resolve().parents[2]
    candidates = (here, *here.parents, checkout)
    return next((folder for folder in candidates if (folder / _MARK).is_file()), here)


def enter_project() -> Path:
    """Makes the project's packages importable, here and in the processes that this one starts."""
    root = project_root()
    text = str(root)
    if text not in sys.path:
        sys.path.insert(0, text)
    given = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if text not in given:
        os.environ["PYTHONPATH"] = os.pathsep.join([text, *given])
    return root


def _current_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # it was removed under us; whoever writes reports it
        return Path(os.sep)
