"""A copy of this repository, to be changed and to have commands run in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.conftest import REPOSITORY


def ignored() -> list[str]:
    """Names that are no part of the repository."""
    lines = (REPOSITORY / ".gitignore").read_text().split()
    return [".git", *(line.rstrip("/").rpartition("/")[2] for line in lines)]


class RepositoryCopy:
    """All files of the repository in another place, each of which may be written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(REPOSITORY, root, ignore=shutil.ignore_patterns(*ignored()))
        for path in (root, *root.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)

    def run(self, command: str) -> str:
        """What a command prints, which a shell reads; it must succeed."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("COVERAGE_", "COLUMNS"))}
        done = subprocess.run(
            ["sh", "-e", "-c", command],
            cwd=self.root,
            env={**kept, "PYTHONPATH": str(self.root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout
