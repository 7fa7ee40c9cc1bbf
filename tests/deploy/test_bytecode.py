"""Bytecode that the image has: the same code, and held against its source."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY

SOURCE = '''"""A module."""


def twice(number: int) -> int:
    """Twice a number, which no one asks bytecode for."""
    assert number >= 0, "negative"
    return 2 * number


def only_told() -> None:
    """Nothing but words."""


class Kept:
    """A section of the config is told of by its docstring."""
'''
ASKED = """
import taxiway.errors as module
print(module.twice(3), module.only_told(), module.twice.__doc__, module.Kept.__doc__)
"""


def in_folder(folder: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def compiled(folder: Path) -> Path:
    """A source below a folder, with its bytecode."""
    path = folder / "taxiway" / "errors.py"
    path.parent.mkdir()
    path.write_text(SOURCE)
    (path.parent / "__init__.py").touch()
    in_folder(folder, str(REPOSITORY / "deploy" / "bytecode.py"))
    return path


def test_code_is_as_it_was_but_for_docstrings_of_functions(tmp_path: Path) -> None:
    path = compiled(tmp_path)
    assert Path(importlib.util.cache_from_source(str(path))).is_file()
    kept = "A section of the config is told of by its docstring."
    assert in_folder(tmp_path, "-c", ASKED) == f"6 None None {kept}"


def test_a_file_that_is_mounted_over_a_source_counts(tmp_path: Path) -> None:
    path = compiled(tmp_path)
    before = path.stat()
    path.write_text(SOURCE.replace("2 * number", "3 * number"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert in_folder(tmp_path, "-c", ASKED).startswith("9 None Twice a number")
