"""Writes down where processes connect to: a hook of Python's own, in every process that is started
with it in its path, and in those that it starts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_HOOK = """
import os, sys

def _hook(event, arguments):
    if event == "socket.connect":
        told = ("connect", arguments[1])
    elif event == "socket.getaddrinfo":
        told = ("look-up", arguments[0])
    elif event == "import" and arguments[0] in ("mlflow", "tensorflow"):
        told = ("import", arguments[0])
    else:
        return
    import json
    line = json.dumps([os.getpid(), *told], default=repr) + "\\n"
    descriptor = os.open({log!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, line.encode())
    os.close(descriptor)

sys.addaudithook(_hook)
"""
CALM = ("CI", "PYTEST_CURRENT_TEST", "MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "GITHUB_ACTIONS")
"""Variables in whose sight MLflow's telemetry is silent by itself."""


class Audit:
    """What processes did that were started with its environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "connections"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(_HOOK.replace("{log!r}", repr(str(self.log))))

    def environment(self) -> dict[str, str]:
        """A whole environment."""
        path = os.pathsep.join(filter(None, (str(self.folder), os.environ.get("PYTHONPATH"))))
        kept = {name: value for name, value in os.environ.items() if name not in CALM}
        return {**kept, "PYTHONPATH": path}

    def told(self, event: str) -> list[Any]:
        """What was told of an event, oldest first."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [what for _, kind, what in map(json.loads, lines) if kind == event]

    def outside(self) -> list[Any]:
        """Addresses that processes connected to, or looked up, which are not of this machine."""
        hosts = [one[0] if isinstance(one, list) else one for one in self.told("connect")]
        # A socket in a file has its path, or bytes of it, in the place of an address.
        files = ("/", "\0", "b'")
        asked = [*hosts, *self.told("look-up")]
        here = ("127.0.0.1", "::1", "localhost", None, "", "0.0.0.0", os.uname().nodename)
        return [one for one in asked if one not in here and not str(one).startswith(files)]


def merged(environment: Mapping[str, str]) -> dict[str, str]:
    """What differs from this process's environment, for who starts others from that."""
    return {name: value for name, value in environment.items() if os.environ.get(name) != value}
