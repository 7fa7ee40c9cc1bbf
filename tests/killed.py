"""Kills a program in the middle of its work, as `kill -9` would, at a step that a test chooses.

Steps are what changes something or may: each statement and commit of a registry's database, and
each file of a folder that is opened, made, renamed or removed. Importing takes longer than most of
the work, so a process that has imported all forks one for each time: this file as a program.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tied import tied

REPOSITORY = Path(__file__).resolve().parent.parent
KILLED = -signal.SIGKILL
_STATEMENTS = ("before_cursor_execute", "commit")
_FILES = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.copyfile")


@dataclass(frozen=True)
class Ended:
    """How the work ended: its exit code, or `KILLED`; and of how many steps it was."""

    code: int
    steps: int


class Killer:
    """Runs one function, again and again, each time in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, root: Path, *arguments: str, kill_at: int = 0) -> Ended:
        """Calls the function, in this process's environment.

        Args:
          root: folder whose files count.
          arguments: for the function.
          kill_at: step before which it is killed; 0 lets it end.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"root": str(root), "arguments": arguments, "kill_at": kill_at}
        order |= {"environment": dict(os.environ)}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


@contextlib.contextmanager
def killer(function: str) -> Iterator[Killer]:
    """A killer of a function, named as `module:name`; what it says goes to standard error."""
    command = tied(sys.executable, "-m", "tests.killed", function)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Killer(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def _main(name: str) -> None:
    module, _, function = name.partition(":")
    work = getattr(importlib.import_module(module), function)
    for line in sys.stdin:
        order = json.loads(line)
        told, tells = os.pipe()
        if (child := os.fork()) == 0:
            _work(work, order, tells)
        os.close(tells)
        with open(told) as counted:  # noqa: PTH123  # a descriptor
            steps = counted.read()
        _, status = os.waitpid(child, 0)
        ended = Ended(os.waitstatus_to_exitcode(status), int(steps or 0))
        sys.stdout.write(json.dumps(ended.__dict__) + "\n")
        sys.stdout.flush()


def _work(work: Callable[..., Any], order: dict[str, Any], tells: int) -> None:
    os.dup2(2, 1)
    os.environ.update(order["environment"])
    steps = _counted(order["root"], order["kill_at"])
    try:
        work(*order["arguments"])
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    os.write(tells, str(len(steps)).encode())
    os._exit(code)


def _counted(root: str, kill_at: int) -> list[str]:
    """The steps so far, which grow."""
    from sqlalchemy import Engine, event

    steps: list[str] = []

    def step(what: str) -> None:
        steps.append(what)
        if len(steps) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def file_step(name: str, arguments: tuple[Any, ...]) -> None:
        if name in _FILES and str(arguments[0]).startswith(root):
            step(name)

    for statement in _STATEMENTS:
        event.listen(Engine, statement, lambda *_, name=statement: step(name))
    sys.addaudithook(file_step)
    return steps


if __name__ == "__main__":
    _main(sys.argv[1])
