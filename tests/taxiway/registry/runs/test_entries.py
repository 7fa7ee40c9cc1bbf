"""What of runs can be filtered: the same on every database, and no more is read than is asked."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import event

from taxiway.registry.catalog.labels import Subject, add_note, change_tags
from taxiway.registry.database.session import Database
from taxiway.registry.runs.entries import Query, known_fields, read_entries
from taxiway.registry.search.filter import parse
from tests.taxiway.registry.conftest import ANN, database, sections
from tests.taxiway.registry.runs.rows import add_run

__all__ = ["database", "sections"]
RATE = "params.model.hyperparameters.learning_rate"


def fill(database: Database) -> None:
    add_run(database, "run-1", metrics={"auc": 0.8, "loss": float("nan")}, version="1.0.0")
    add_run(database, "run-2", params={"model.hyperparameters.learning_rate": 0.001, "x": [1, 2]})
    add_run(database, "run-3", outcome="failed", failure="Trainer: no memory", metrics={})
    change_tags(database, Subject("run", "run-1"), {"owner": "ann"}, (), ANN)
    add_note(database, Subject("run", "run-2"), "Fails in a WIND  gust", ANN)


CASES: Final[tuple[tuple[str, list[str]], ...]] = (
    ("", ["run-3", "run-2", "run-1"]),
    ("metrics.auc > 0.7 and not tags.owner = 'x' or \"wind gust\"", ["run-2", "run-1"]),
    (f"{RATE} < 0.01", ["run-2"]),
    (f"{RATE.upper()} < 0.01", ["run-2"]),
    ("params.x = 2", ["run-2"]),
    ("outcome = failed", ["run-3"]),
    ("failure ~ memory", ["run-3"]),
    ("spans = 1-3 and commit ~ abab and runner = local", ["run-3", "run-2", "run-1"]),
    ("version ~ ''", ["run-1"]),
    ("tags.owner = ann", ["run-1"]),
    ("ann", ["run-1"]),
    ("started_at < 2026-03-03", ["run-1"]),
    ("metrics.loss > 0", []),
)


def test_filters_find_the_same_on_every_database(database: Database) -> None:
    fill(database)
    for text, expected in CASES:
        wanted = parse(text)
        with database.reading() as connection:
            found = read_entries(connection, Query(wanted.fields, wanted.words))
        names = [one.fields["run"] for one in found if wanted.matches(one.fields, one.text)]
        assert names == expected, text


def test_a_config_is_read_only_where_it_is_asked_for(database: Database) -> None:
    fill(database)
    asked: list[str] = []

    def note(*arguments: Any) -> None:
        asked.append(arguments[2])

    event.listen(database.engine, "before_cursor_execute", note)
    with database.reading() as connection:
        (newest, *_) = read_entries(connection, Query(["metrics"], pipeline="tiny"))
        assert "params" not in " ".join(asked)
        assert not any(name.startswith("params.") for name in newest.fields)
        (newest, *_) = read_entries(connection, Query([RATE]))
        assert newest.fields[RATE] == 0.01
        assert "params.data.dataset" not in newest.fields
        (newest, *_) = read_entries(connection, Query(["params"], slices=True))
        assert newest.fields["params.data.dataset"] == "tiny"
        assert newest.slices == {"region=north": {"auc": 0.6}}
        assert read_entries(connection, Query(pipeline="other")) == []
    assert len(asked) <= 8


def test_names_of_fields_are_known_for_hints(database: Database) -> None:
    fill(database)
    with database.reading() as connection:
        known = known_fields(connection)
    assert {"run", "metrics.auc", RATE, "params.x", "tags.owner"} <= set(known)
