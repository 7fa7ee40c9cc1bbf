"""Three runs of the index with their records, and the command line that is pointed at them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taxiway.registry.database.session import open_database
from taxiway.registry.runs import IndexedRun
from taxiway.tracking.run_record.files import write_record
from taxiway.tracking.run_record.record import Data, InputFile, RunRecord, Slice
from tests.conftest import CommandLine
from tests.taxiway.cli.conftest import Desk
from tests.taxiway.registry.runs.rows import add_run

RATE = "model.hyperparameters.learning_rate"
EVIL = "\x1b]0;owned\x07 <script>alert(1)</script>\n| a"


class Lab(Desk):
    """Someone with three runs: a good one, a better one with another learning rate, a failed one.

    Args:
      root: of all that runs leave.
      here: the command line, in this process.
    """

    def add(self, run_id: str, auc: float | None, rate: float, **fields: Any) -> RunRecord:
        """A run with a record."""
        metrics = {} if auc is None else {"auc": auc, "binary_crossentropy": 1 - auc}
        config = {RATE: rate, "output.root": f"/var/{run_id}"}
        slices = {"region=north": {"auc": auc / 2}} if auc else {}
        index = {"metrics": metrics, "params": config, "slices": slices}
        folder = self.root / "reports" / run_id
        folder.mkdir(parents=True)
        run: IndexedRun = add_run(self.database, run_id, folder=str(folder), **index, **fields)
        record = RunRecord(
            run_id=run_id,
            outcome=run.outcome,
            reason=run.failure,
            config=config,
            features={"weight": "Numeric()"},
            code={"files": {"models/tiny/features.py": "ab" * 32}},
            packages={"releases": {"numpy": "2.0.0"}},
            data=Data(spans="1-3", files=(InputFile(path="rows.csv", sha256="cd" * 32),)),
            metrics=metrics,
            slices=tuple(Slice(name=name, metrics=one) for name, one in slices.items()),
        )
        write_record(folder, record)
        return record


@pytest.fixture
def lab(tmp_path: Path, here: CommandLine) -> Iterator[Lab]:
    """Three runs, the newest of which has failed."""
    made = Lab(tmp_path, here)
    made.add("run-1", 0.7, 0.01)
    made.add("run-2", 0.8, 0.003)
    made.add("run-3", None, 0.1, outcome="failed", failure=f"Trainer: {EVIL}")
    yield made
    open_database.cache_clear()
