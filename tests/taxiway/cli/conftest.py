"""A registry with versions of the tiny model, and the command line that is pointed at it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from taxiway.config.loader import load_config
from taxiway.registry.database.session import Database, open_database
from taxiway.registry.deploy.queue import DeployQueue
from taxiway.registry.versions.records import ModelVersion
from tests.conftest import TINY, CommandLine, Finished
from tests.taxiway.registry.conftest import ANN
from tests.taxiway.registry.deploy.folders import registered


class Desk:
    """Someone who works on the models of one folder with the command line.

    Args:
      root: of all that runs leave.
      here: the command line, in this process.
    """

    def __init__(self, root: Path, here: CommandLine) -> None:
        self.root = root
        self.options = ("--config", TINY, "--set", f"output.root={root}")
        self.serving = root / "serving" / "tiny"
        self._here = here

    @property
    def database(self) -> Database:
        """The registry."""
        return open_database(load_config([TINY], [f"output.root={self.root}"]).registry)

    def __call__(self, *words: str) -> Finished:
        """Runs a command with the folder's config."""
        return self._here(*words, *self.options)

    def json(self, *words: str) -> Any:
        """What a command that goes well prints with --json."""
        done = self(*words, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    def queued(self, content: str) -> ModelVersion:
        """A version that waits in the model store, and in the queue."""
        version = registered(self.database, content, self.root / "store" / content, model="tiny")
        assert DeployQueue(self.database).put(version, ANN)
        return version

    def served(self) -> list[str]:
        """What is in the serving folder, in the order of the numbers; the last one is served."""
        folders = sorted(self.serving.iterdir(), key=lambda folder: int(folder.name))
        return [(folder / "variables" / "variables.index").read_text() for folder in folders]


@pytest.fixture
def desk(tmp_path: Path, here: CommandLine) -> Desk:
    """A registry of its own."""
    return Desk(tmp_path, here)
