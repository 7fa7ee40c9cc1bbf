"""Runs of the index as tests need them."""

from __future__ import annotations

from typing import Any

from taxiway.registry.database.session import Database
from taxiway.registry.runs import IndexedRun, write_runs


def add_run(database: Database, run_id: str, **fields: Any) -> IndexedRun:
    """Puts a run into the index."""
    run = indexed_run(run_id, **fields)
    write_runs(database, [run])
    return run


def indexed_run(run_id: str, **fields: Any) -> IndexedRun:
    """A run; what is not given is plausible."""
    values: dict[str, Any] = {
        "pipeline": "tiny",
        "model": "tiny",
        "outcome": "succeeded",
        "started_at": f"2026-03-{int(run_id[-1]) + 1:02}T12:00:00.000000Z",
        "seconds": 12.5,
        "failure": "",
        "version": "",
        "metrics": {"auc": 0.7},
        "facts": {"spans": "1-3", "runner": "local", "commit": "ab" * 20, "lacks": []},
        "folder": f"/reports/{run_id}",
        "search_text": run_id,
        "params": {"model.hyperparameters.learning_rate": 0.01, "data.dataset": "tiny"},
        "slices": {"region=north": {"auc": 0.6}},
    }
    return IndexedRun(run_id=run_id, **(values | fields))
