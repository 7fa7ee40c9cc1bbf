"""Keeps Arrow from importing pandas, which takes a second; it does without where there is none."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from typing import Any


class _NoPandas(MetaPathFinder):
    """Not None in `sys.modules`, which newer releases of Arrow take for a module."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:  # noqa: ARG002  # Python's
        """Refuses pandas; others look for the rest."""
        if fullname == "pandas":
            raise ModuleNotFoundError("left out: it is not needed here", name=fullname)


def leave_out_pandas() -> None:
    """From here on, in this process; before Arrow is used."""
    sys.meta_path.insert(0, _NoPandas())
