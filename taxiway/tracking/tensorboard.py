"""TensorBoard over all runs: a folder with a link by each run's name to what its Trainer wrote."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from taxiway.config.schema import Config
from taxiway.metadata.connection import SqliteMetadata
from taxiway.metadata.records import artifact_of
from taxiway.metadata.store import run_store
from taxiway.metadata.whole_runs import WholeRun, whole_runs
from taxiway.process.attended import Server
from taxiway.terminal import one_line
from taxiway.tracking.collect import pipeline_of

HOST: Final = "127.0.0.1"
_LOGGED: Final = "ModelRun"
"""TFX's type of what a Trainer logs while it trains."""


class RunLinks:
    """Links `<output.root>/tensorboard/<pipeline>/<run id>`, which TensorBoard calls runs by.

    Args:
      config: whose metadata and output are meant.
    """

    def __init__(self, config: Config) -> None:
        self.folder = Path(config.output.root) / "tensorboard"
        self._metadata = config.metadata
        self._names: dict[str, str] = {}

    def refresh(self) -> int:
        """Makes the links of runs that came, and removes those of runs whose logs are gone.

        A run whose Trainer was cached is linked to what the run that trained has logged.

        Returns:
          How many runs have logs.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        wanted = self._wanted()
        there = {path for path in self.folder.glob("*/*") if path.is_symlink()}
        for path in there:
            if path not in wanted or path.readlink() != wanted[path]:
                path.unlink(missing_ok=True)
        for path, target in wanted.items():
            path.parent.mkdir(exist_ok=True)
            with suppress(FileExistsError):
                path.symlink_to(target)
        return len(wanted)

    def _wanted(self) -> dict[Path, Path]:
        """By link, where it leads."""
        metadata = self._metadata
        if isinstance(metadata, SqliteMetadata) and not Path(metadata.path).exists():
            return {}  # asking would make one
        found = {}
        for run in whole_runs(run_store(metadata)):
            logged = artifact_of(run.nodes, _LOGGED)
            if logged is not None and Path(logged.uri).is_dir():
                found[self.folder / self._name(run)] = Path(logged.uri)
        return found

    def _name(self, run: WholeRun) -> str:
        if run.run_id not in self._names:
            parts = (pipeline_of(run) or "-", run.run_id)
            self._names[run.run_id] = "/".join(one_line(part).replace("/", "-") for part in parts)
        return self._names[run.run_id]


def server(config: Config, port: int) -> Server:
    """How to run TensorBoard over the links.

    Args:
      config: whose runs are meant.
      port: of loopback.
    """
    folder = RunLinks(config).folder
    return Server(
        name="TensorBoard",
        command=[
            *(sys.executable, "-m", "tensorboard.main", "--logdir", str(folder)),
            *("--host", HOST, "--port", str(port)),
        ],
        host=HOST,
        port=port,
        log=folder.with_name("tensorboard.log"),
        environment={"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
        edit="--port",
    )
