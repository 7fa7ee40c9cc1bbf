"""The registry that is measured is filled as it says."""

from __future__ import annotations

from pathlib import Path

from benchmarks.registry import LARGEST, fill
from taxiway.registry.catalog.overview import list_models
from taxiway.registry.database.session import Database
from taxiway.registry.section import SqliteRegistry


def test_the_first_model_has_the_versions_that_do_not_divide(tmp_path: Path) -> None:
    database = Database(SqliteRegistry(kind="sqlite", path=str(tmp_path / "registry.sqlite")))
    with database.working() as connection:
        fill(connection, models=4, versions=21)
        lines = {line.model: line for line in list_models(connection)}
    database.engine.dispose()
    assert {name: line.versions for name, line in lines.items()} == {
        LARGEST: 9,
        "model-001": 4,
        "model-002": 4,
        "model-003": 4,
    }
    assert lines[LARGEST].aliases == {"champion": "1.0.8"}
    assert lines[LARGEST].serves == {"serving": "1.0.8"}
