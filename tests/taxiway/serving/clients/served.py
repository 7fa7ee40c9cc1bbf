"""The gateway under test: two versions of a small model, pushed, and `taxiway serve` over them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from taxiway.config.loader import load_config
from taxiway.process.manifest import MANIFEST_FILE, digest, manifest_of
from taxiway.registry.auth.actor import Actor, Permission, Role
from taxiway.registry.catalog.aliases import move_alias
from taxiway.registry.database.session import Database
from taxiway.registry.deploy.queue import queue_version
from taxiway.registry.versions.records import Candidate, ModelVersion, register
from tests.conftest import REPOSITORY, TINY
from tests.taxiway.serving.clients.cases import LABEL, MODEL, MOST_ROWS
from tests.tied import tied

_SECONDS = 120.0
_ANN = Actor("ann", "user", Role.ADMIN)


@dataclass(frozen=True)
class Served:
    """A gateway that runs: where it is asked."""

    http: str
    grpc: str


def save_model(folder: Path, number: int) -> None:
    """A SavedModel whose `probability` is that of `cases.probability`."""
    import tensorflow as tf

    class Model(tf.Module):
        def _answer(self, origin: Any, distance: Any) -> dict[str, Any]:
            known = tf.where(tf.math.is_nan(distance), 0.0, distance)
            weight = 0.5 * tf.cast(origin == "JFK", tf.float32)
            weight += tf.cast(origin == "LGA", tf.float32)
            return {"probability": tf.sigmoid(number * known / 1000.0 - weight)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def examples(self, examples: Any) -> dict[str, Any]:
            features = {
                "origin": tf.io.FixedLenFeature([], tf.string, ""),
                "distance": tf.io.FixedLenFeature([], tf.float32, float("nan")),
            }
            return self._answer(**tf.io.parse_example(examples, features))

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.string, name="origin"),
                tf.TensorSpec([None], tf.float32, name="distance"),
            ]
        )
        def columns(self, origin: Any, distance: Any) -> dict[str, Any]:
            return self._answer(origin, distance)

    model = Model()
    signatures = {"serving_default": model.examples, "serving_columns": model.columns}
    tf.saved_model.save(model, str(folder), signatures=signatures)


def pushed(database: Database, folder: Path) -> ModelVersion:
    """A version of what is in a folder, which waits in the deploy queue."""
    text = manifest_of(folder)
    (folder / MANIFEST_FILE).write_text(text)
    candidate = Candidate(
        model=MODEL,
        run_id=f"run-{folder.name}",
        model_digest=digest(text),
        contract_digest="contract",
        pipeline_digest="pipeline",
        pushed_to=str(folder),
        metrics={},
        artifact_uri="",
    )
    version = register(database, candidate, _ANN)
    with database.changing(_ANN, Permission.REGISTER) as change:
        queue_version(change, version, "")
    return version


@contextlib.contextmanager
def serve(root: Path) -> Iterator[Served]:
    """Runs `taxiway serve` as a process, first with one version and then with both."""
    given = [
        f"output.root={root}",
        "serving.poll_seconds=0.05",
        "serving.warm_up.rows=2",
        f"serving.limits.rows={MOST_ROWS}",
    ]
    config = load_config([TINY], given)
    folders = [root / "serving" / MODEL / number for number in ("1", "2")]
    for number, folder in enumerate(folders, 1):
        save_model(folder, number)
    database = Database(config.registry)
    try:
        first = pushed(database, folders[0])
        with _running(given) as lines:
            where = _event(lines, "listening")
            _event(lines, "ready")
            move_alias(database, first, LABEL, _ANN)
            second = pushed(database, folders[1])
            served = Served(where["rest"], where["grpc"])
            _wait_for(served, second.name)
            yield served
    finally:
        database.close()


def _wait_for(served: Served, version: str) -> None:
    """Until a version has the traffic."""
    asked = Request(f"{served.http}/ofrep/v1/evaluate/flags/{MODEL}", b"{}", method="POST")
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        with urlopen(asked, timeout=_SECONDS) as answer:
            if json.load(answer)["value"] == version:
                return
        time.sleep(0.05)
    raise AssertionError(f"{version} has no traffic after {_SECONDS:g} s")


@contextlib.contextmanager
def _running(given: Sequence[str]) -> Iterator[Iterator[dict[str, Any]]]:
    line = [sys.executable, "-m", "taxiway", "serve", "--config", TINY, "--json"]
    for port in ("--port", "--grpc-port", "--admin-port"):
        line += [port, "0"]
    for assignment in given:
        line += ["--set", assignment]
    with subprocess.Popen(
        tied(*line), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        try:
            yield (json.loads(one) for one in program.stdout)
        finally:
            program.terminate()
            program.communicate()


def _event(lines: Iterator[dict[str, Any]], name: str) -> dict[str, Any]:
    for line in lines:
        if line.get("event") == name:
            return line
    raise AssertionError(f"the gateway ended without saying {name}")
