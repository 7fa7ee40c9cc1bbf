"""What tests of the styles push: candidates of a few contents, contracts and comparisons."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event

from taxiway.registry.database.session import Database
from taxiway.registry.section import SqliteRegistry
from taxiway.registry.versions.records import Candidate

PUSHES: Final = 50
"""Of a history."""
_models = itertools.count()


def fresh_model() -> str:
    """A name that no history has had yet."""
    return f"model-{next(_models)}"


def section(folder: Path, versioning: dict[str, Any], **others: Any) -> SqliteRegistry:
    """The `registry` section of a folder, in a style."""
    path = str(folder / "registry.sqlite")
    given = {"kind": "sqlite", "path": path, "versioning": versioning, **others}
    return SqliteRegistry.model_validate(given)


def registry(settings: SqliteRegistry) -> Database:
    """A registry, whose writes need not outlive this machine."""
    opened = Database(settings)

    @event.listens_for(opened.engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    opened.engine.dispose()  # the connection of before
    return opened


def candidate(model: str = "parcels", content: str = "m1", **others: Any) -> Candidate:
    """A pushed model; what is not given is the same for all."""
    given = {
        "run_id": "run",
        "contract_digest": "c1",
        "pipeline_digest": "p1",
        "pushed_to": "/serving/1",
        "metrics": {"auc": 0.7},
    } | others
    return Candidate(model=model, model_digest=content, **given)


def compared(
    change: float,
    *,
    interval: tuple[float, float] | None = None,
    metric: str = "auc",
    better: str = "higher",
) -> dict[str, Any]:
    """What the Evaluator found against a baseline, which is 1.0.0 and whose metric is 0.5."""
    return {
        "version": "1.0.0",
        "model_digest": "m0",
        "run_id": "run",
        "metrics": {metric: 0.5},
        "change": {metric: change},
        "change_intervals": {metric: list(interval)} if interval else {},
        "better": {metric: better},
        "main_metric": metric,
    }
