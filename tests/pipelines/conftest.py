"""What tests of pipelines share: a run for each kind of task that the tiny model has not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Workspace, once
from tests.taxiway.modeling.tasks.small import Table, penguins, rides

FEATURES: Final = {
    "species": """
SPEC = FeatureSpec(
    task=MultiClass("species"),
    columns=(
        Numeric("bill length (mm)"),
        Numeric("bill depth (mm)"),
        Numeric("flipper"),
        Numeric("mass", indicator=True),
        Categorical("island", max_vocabulary=5),
    ),
)
""",
    "fare": """
SPEC = FeatureSpec(
    task=Regression("fare", weight="riders"),
    columns=(
        Numeric("miles"),
        Numeric("minutes", indicator=True),
        Numeric("hour"),
        Categorical("payment", max_vocabulary=5),
    ),
)
""",
}
IMPORTS: Final = (
    '"""What is learned."""\n\n'
    "from taxiway.modeling.spec import Categorical, FeatureSpec, MultiClass, Numeric, Regression\n"
)
CONFIG: Final = """
pipeline: {{name: {name}}}
data:
  dataset: {name}
  spans: {{kind: window, length: 2}}
  shards: 2
model:
  name: {name}
  module: model_of_{name}
  hyperparameters: {{hidden_units: [16], learning_rate: auto, batch_size: auto, epochs: 20,
    dropout: 0.0, early_stopping_patience: auto}}
evaluation: {{metrics: null, thresholds: null, slices: [[{category}]]}}
infra_validation: {{requests: 10, latency_budget_ms: 1000.0}}
"""
_KINDS: Final = {"U": "BYTES", "i": "INT", "f": "FLOAT"}


@dataclass(frozen=True)
class TaskRun:
    """A whole run, and the rows that its model has not seen."""

    workspace: Workspace
    report: Mapping[str, Any]
    unseen: Table


def _spans_of(name: str, seed: int) -> Table:
    if name == "species":
        return penguins(300, seed)
    table = dict(rides(600, seed))
    unused = ("tipped", "company")
    table["riders"] = np.random.default_rng(seed).integers(1, 4, len(table["fare"]))
    return {column: values for column, values in table.items() if column not in unused}


def _write(name: str, folder: Path) -> Workspace:
    """The model folder, its config and two spans of data, as a fork has them."""
    module = folder / f"model_of_{name}"
    module.mkdir()
    (module / "__init__.py").touch()
    (module / "features.py").write_text(IMPORTS + FEATURES[name])
    category = "island" if name == "species" else "payment"
    config = folder / f"{name}.yaml"
    config.write_text(CONFIG.format(name=name, category=category))
    for span in (1, 2):
        table = _spans_of(name, span)
        path = folder / "var" / "data" / name / f"span-{span}" / "rows.parquet"
        path.parent.mkdir(parents=True)
        columns = {n: pa.array(v, from_pandas=True) for n, v in table.items()}
        pq.write_table(pa.table(columns), path)
    (module / "schema.pbtxt").write_text(
        "".join(
            f'feature {{ name: "{column}" type: {_KINDS[values.dtype.kind]} '
            "presence { min_count: 1 } value_count { min: 1 max: 1 } }\n"
            for column, values in table.items()
        )
    )
    return Workspace(folder / "var", str(config))


@pytest.fixture(scope="session")
def task_runs(shared_folder: Path) -> Mapping[str, TaskRun]:
    """By label: a run for several classes, and one for a number with weights of rows."""

    def make(target: Path) -> None:
        for name in FEATURES:
            workspace = _write(name, target)
            done = workspace.run(env={"PYTHONPATH": str(target)})
            assert done.code == 0, done.out + done.err
            (target / f"{name}.json").write_text(done.out)

    folder = once(shared_folder, "task-runs", make)
    return {
        name: TaskRun(
            Workspace(folder / "var", str(folder / f"{name}.yaml")),
            json.loads((folder / f"{name}.json").read_text()),
            _spans_of(name, 3),
        )
        for name in FEATURES
    }
