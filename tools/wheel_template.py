"""Puts the template of `taxiway new project` into the wheel; hatchling runs it (pyproject.toml).

A checkout is its own template, so an editable installation gets no copy that would grow old.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOM = "taxiway/scaffold/project"


class Template(BuildHookInterface):  # type: ignore[type-arg]  # of the builder's config
    """What `[tool.hatch.build.targets.wheel.hooks.custom]` names."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds each file of the template to the wheel.

        Args:
          version: `standard`, or `editable`.
          build_data: what else goes into the wheel, by its path on this machine.
        """
        if version == "editable":
            return
        root = Path(self.root)
        contents = runpy.run_path(str(root / ROOM / "contents.py"))
        for name, path in contents["gathered"](root).items():
            build_data["force_include"][str(path)] = f"{ROOM}/{contents['FOLDER']}/{name}"
