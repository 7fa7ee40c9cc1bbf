"""A real MLflow server, as `taxiway mlflow` runs it, and runs to be mirrored."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.registry.database.session import open_database
from taxiway.tracking.mlflow.client import Client
from taxiway.tracking.run_record.files import write_record
from taxiway.tracking.run_record.record import Code, RunRecord
from tests.conftest import REPOSITORY, TINY
from tests.taxiway.tracking.mirror.audited import Audit
from tests.tied import tied


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass(frozen=True)
class MlflowServer:
    """The server of `taxiway mlflow`, and what it did."""

    uri: str
    root: Path
    audit: Audit

    def call(self, method: str, path: str, **values: Any) -> dict[str, Any]:
        """Asks it something."""
        with Client(self.uri, "NO_TOKEN", 30) as client:
            return client.call(method, path, values)

    def runs(self, experiment: str, view: str = "ACTIVE_ONLY") -> list[dict[str, Any]]:
        """Its runs, each with `info`, and with `tags` and `params` as mappings."""
        found = self.call("GET", "experiments/get-by-name", experiment_name=experiment)
        ids = [found["experiment"]["experiment_id"]]
        answer = self.call(
            "POST", "runs/search", experiment_ids=ids, max_results=1000, run_view_type=view
        )
        return [
            one | {key: _mapping(one["data"].get(key, ())) for key in ("tags", "params", "metrics")}
            for one in answer.get("runs", ())
        ]

    def model(self, name: str) -> dict[str, Any]:
        """A registered model."""
        found = self.call("GET", "registered-models/get", name=name)["registered_model"]
        return dict(found)

    def aliases(self, name: str) -> dict[str, str]:
        """By alias of a model, the name that its version has in our registry."""
        found = self.call("GET", "model-versions/search", filter=f"name='{name}'")
        names = {
            one["version"]: _mapping(one.get("tags", ())).get("taxiway.version", "")
            for one in found.get("model_versions", ())
        }
        return {one["alias"]: names[one["version"]] for one in self.model(name).get("aliases", ())}


def _mapping(pairs: Any) -> dict[str, Any]:
    return {one["key"]: one.get("value", "") for one in pairs}


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """One for this process's tests; it ends with Ctrl-C, and all of it."""
    folder = tmp_path_factory.mktemp("mlflow")
    audit = Audit(folder / "audit")
    uri, root = f"http://127.0.0.1:{free_port()}", folder / "var"
    sets = [f"output.root={root}", "tracking.kind=mlflow", f"tracking.uri={uri}"]
    options = ["--config", TINY, *(word for one in sets for word in ("--set", one))]
    process = subprocess.Popen(
        tied(sys.executable, "-m", "taxiway", "mlflow", *options),
        cwd=REPOSITORY,
        env=audit.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        told = process.stdout.readline()
        assert told == f"MLflow at {uri}; Ctrl-C ends it\n"
        yield MlflowServer(uri, root, audit)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        process.stdout.close()  # type: ignore[union-attr]  # it is a pipe
    with socket.socket() as gone:
        assert gone.connect_ex(("127.0.0.1", int(uri.rpartition(":")[2]))) != 0


@dataclass(frozen=True)
class Bench:
    """A workspace whose runs are mirrored; none of them is real."""

    root: Path
    experiment: str

    def config(self, uri: str, *assignments: str) -> Config:
        """With a server at an address."""
        sets = [f"output.root={self.root}", "tracking.kind=mlflow", f"tracking.uri={uri}"]
        sets.append(f"tracking.experiment={self.experiment}")
        return load_config([TINY], [*sets, *assignments])

    def ended(self, run_id: str, **values: Any) -> RunRecord:
        """A run that has ended, with its record and its report."""
        record = RunRecord(
            **{
                "run_id": run_id,
                "pipeline": "tiny",
                "model": self.experiment,
                "outcome": "succeeded",
                "command": "taxiway run",
                "started_at": "2026-11-27T12:00:00.000000Z",
                "seconds": 4.5,
                "config": {"model.hyperparameters.epochs": 3, "evaluation.slices": [["region"]]},
                "code": Code(commit="c0ffee"),
                "metrics": {"auc": 0.8},
                "curves": {"loss": (0.7, 0.5, 0.4)},
                **values,
            }
        )
        folder = self.root / "reports" / run_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.html").write_text("<p>a report")
        (folder / "config.yaml").write_text("model: {}\n")
        write_record(folder, record)
        return record


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """One, with an experiment and a model of its own on a server that tests share."""
    made = Bench(tmp_path / "var", f"bench-{abs(hash(str(tmp_path)))}")
    yield made
    open_database(made.config("http://127.0.0.1:1").registry).close()
    open_database.cache_clear()
