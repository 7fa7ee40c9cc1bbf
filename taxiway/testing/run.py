"""One run of a model's pipeline on a sample of its rows, and the parts of it that tests look at."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taxiway.config.loader import load_config, to_yaml
from taxiway.config.schema import Config
from taxiway.errors import TaxiwayError
from taxiway.metadata.records import NodeRecord
from taxiway.metadata.store import run_store
from taxiway.modeling.example_files import files_in, open_examples
from taxiway.modeling.spec import FeatureSpec, load_spec
from taxiway.process.project import project_root
from taxiway.testing.asked import apart, load_asked
from taxiway.testing.sample import MOCK_ASSIGNMENTS, Origin, make_sample


@dataclass(frozen=True)
class ModelRun:
    """What a run has left: artifacts by node, and what the command told."""

    config: Config
    origin: Origin
    report: Mapping[str, Any]
    nodes: Mapping[str, NodeRecord]

    @functools.cached_property
    def spec(self) -> FeatureSpec:
        """The roles of the columns."""
        return load_spec(self.config.model.module)

    @property
    def schema_file(self) -> str:
        """The curated schema."""
        return self.config.data.schema_file

    def folder(self, node: str, key: str) -> Path:
        """An output's folder."""
        record = self.nodes.get(node)
        artifact = record.output(key) if record else None
        assert artifact is not None, f"{node} has put out no {key}"
        return Path(artifact.uri)

    @property
    def model(self) -> Path:
        """The SavedModel."""
        return self.folder("Trainer", "model") / "Format-Serving"

    @property
    def transform_graph(self) -> Path:
        """What Transform has found, and the graph that applies it."""
        return self.folder("Transform", "transform_graph")

    @functools.cached_property
    def transform_output(self) -> Any:
        """The same as tf.Transform reads it."""
        import tensorflow_transform as tft

        return tft.TFTransformOutput(str(self.transform_graph))

    @functools.cache  # noqa: B019  # one object a session
    def examples(self, split: str) -> tuple[bytes, ...]:
        """The serialized tf.Examples of a split, in the order of its files."""
        folder = self.folder("ArrowExampleGen", "examples") / f"Split-{split}"
        return tuple(open_examples(files_in(str(folder))).as_numpy_iterator())

    def __hash__(self) -> int:
        return id(self)


def run_model(name: str, folder: Path) -> ModelRun:
    """Runs a model's pipeline in a folder, on some of its rows.

    Args:
      name: of an overlay, or of a folder in models/; see `load_asked`.
      folder: an empty one.

    Raises:
      ConfigError: there is no such model, its config cannot be used, or it has no rows.
      TaxiwayError: the run did not come to its end; the message is its own.
    """
    config = load_asked(name)
    origin = make_sample(config, folder, functools.partial(_export, name))
    sets = [*apart(folder), *(MOCK_ASSIGNMENTS if origin == "mock rows" else ())]
    config = load_asked(name, sets)
    path = folder / "config.yaml"
    path.write_text(to_yaml(config))
    told = json.loads(_taxiway("run", "--config", str(path), "--json"))
    found = run_store(config.metadata).nodes(told["run_id"])
    return ModelRun(config, origin, told, {record.node_id: record for record in found})


def _export(name: str, folder: Path) -> Config:
    config = load_asked(name, [f"output.root={folder}", f"data.root={folder}/data"])
    folder.mkdir(parents=True)
    path = folder / "config.yaml"
    path.write_text(to_yaml(config))
    _taxiway("data", "--config", str(path))
    return load_config([path])


def _taxiway(*arguments: str) -> str:
    """What the command printed; in a process of its own, as TensorFlow's state is a process's."""
    done = subprocess.run(
        [sys.executable, "-m", "taxiway", *arguments],
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise TaxiwayError(f"`taxiway {arguments[0]}` failed:\n{_reason(done)}")
    return done.stdout


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    try:
        report = json.loads(done.stdout)
    except ValueError:
        return (done.stderr or done.stdout).strip()
    failure = report.get("failure") or {}
    return f"{failure.get('node', '')}: {failure.get('reason', done.stderr)}".strip(": ")
