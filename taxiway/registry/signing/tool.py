"""Runs model-signing in a process of its own, in whichever Python has it.

Its dependencies and those of the classic stack exclude each other, so there it lives in
`.signing/env`, which `make signing` sets up. Both stacks go this one way. Keys and passwords go
through a pipe: a command line is seen by every user of the machine.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.process.project import project_root

PACKAGE: Final = "model_signing"
_PROGRAM: Final = Path(__file__).with_name("program.py")
_ENVIRONMENT: Final = Path(".signing", "env", "bin", "python")
_ENDING: Final = 500
"""Characters of what a process that failed told last."""


def run_tool(what: str, folder: Path, **request: str) -> str:
    """What program.py answers.

    Args:
      what: `sign` or `verify`.
      folder: the model's.
      request: more of what the program takes.

    Raises:
      ConfigError: no Python here has the package.
      TaxiwayError: the program says what is wrong.
    """
    done = subprocess.run(
        [find_python(), "-I", str(_PROGRAM)],
        input=json.dumps({"do": what, "folder": str(folder.resolve()), **request}),
        capture_output=True,
        text=True,
        check=False,
        env={},
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        told = done.stderr.strip()[-_ENDING:]
        raise TaxiwayError(
            f"the program that signs models ended with {done.returncode}: {told}"
        ) from None
    if "error" in answer:
        raise TaxiwayError(f"{folder}: {answer['error']}", edit="registry.signing")
    return str(answer["signature"])


def find_python() -> str:
    """A Python that has model-signing: this one, the project's `.signing/env`, or PATH's.

    Raises:
      ConfigError: none has; says how to get one.
    """
    if importlib.util.find_spec(PACKAGE) is not None:
        return sys.executable
    beside = project_root() / _ENVIRONMENT
    if beside.is_file():
        return str(beside)
    installed = shutil.which(PACKAGE)
    if installed:
        python = Path(installed).resolve().with_name("python")
        if python.is_file():
            return str(python)
    raise ConfigError(
        "signing needs the package 'model-signing', which no Python here has: `make signing` sets "
        "it up in .signing/env",
        edit="registry.signing.kind, or run `make signing`",
    )
