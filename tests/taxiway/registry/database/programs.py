"""Small programs that work on a registry in processes of their own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from tests.conftest import REPOSITORY
from tests.tied import tied

AT_ONCE = """
import os, sys
from pathlib import Path
from taxiway.registry.database.session import Database
from taxiway.registry.section import parse_registry
import alembic.command, taxiway.registry.database.older_files
import taxiway.registry.deploy.queue, taxiway.registry.versions.records
settings, processes = parse_registry(sys.argv[1]), int(sys.argv[2])

def main():
    children = []
    for number in range(processes):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                database = Database(settings)
                work(database, number)
                database.close()
                code = 0
            except BaseException:
                import traceback
                traceback.print_exc()
            finally:
                os._exit(code)
        children.append(child)
    sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""
"""Before a `work(database, number)`: so many processes do it at once, and the exit code is how many
of them failed. One process imports for all of them."""


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end; it ends with this process."""
    line = tied(sys.executable, "-c", program, *arguments)
    return subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, timeout=100)


@contextlib.contextmanager
def started(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A program that is at work while the block runs, and killed at its end if it still is."""
    line = tied(sys.executable, "-c", program, *arguments)
    with subprocess.Popen(line, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
