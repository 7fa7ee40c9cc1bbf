"""What lists and searches read: the fields and words of every version, in a few queries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, insert

from taxiway.registry.catalog.entries import Query, in_order, read_entries
from taxiway.registry.catalog.labels import Subject, add_note, change_tags, fill_card
from taxiway.registry.catalog.overview import list_models
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import deployments, now, version_states
from taxiway.registry.search.filter import parse
from taxiway.registry.search.text import search_text
from tests.taxiway.registry.catalog.rows import add_alias, add_version
from tests.taxiway.registry.conftest import ANN

CONTRACT = {"inputs": {"wind_gust": {"type": "number"}}, "label": "late"}
FACTS = {"training": {"hyperparameters": {"epochs": 12}}, "data": {"spans": [1, 2]}}


@pytest.fixture
def filled(database: Database) -> Database:
    """Three models; `flights` has three versions, one of them archived."""
    with database.working() as connection:
        old = add_version(connection, "flights/1.9.0", metrics={"auc": 0.7}, author="ben")
        new = add_version(
            connection,
            "flights/1.10.0",
            metrics={"auc": 0.8, "lost": float("nan")},
            contract=CONTRACT,
            facts=FACTS,
            search_text=search_text(CONTRACT, FACTS),
        )
        add_version(connection, "flights/1.11.0", archived=True)
        add_version(connection, "delays/1.0.0", metrics={"rmse": 3.5}, search_text="hail")
        add_version(connection, "gone/1.0.0", archived=True)
        add_alias(connection, new, "champion")
        add_alias(connection, new, "candidate")
        add_alias(connection, old, "earlier")
        about = {"reason": "", "changed_at": now()}
        for version, environment, state in (
            (new, "", "pending"),
            (old, "", "approved"),
            (new, "production", "approved"),
        ):
            row = {"version_id": version.id, "environment": environment, "state": state}
            connection.execute(insert(version_states).values(row | about))
        for name, environment, until in (
            ("1.9.0", "", "2026-01-01"),
            ("1.10.0", "", ""),
            ("1.9.0", "production", ""),
        ):
            row = {"model": "flights", "version": name, "environment": environment, "until": until}
            by = {"place": "/p", "queued_by": "ann", "deployed_by": "ben", "since": now()}
            connection.execute(insert(deployments).values(row | by))
    change_tags(database, Subject("model", "flights"), {"team": "ops", "tier": "1"}, (), ANN)
    change_tags(database, Subject("version", new.subject), {"tier": "2"}, (), ANN)
    add_note(database, Subject("version", old.subject), "Wrong in Strong  WIND", ANN)
    add_note(database, Subject("model", "delays"), "about trains", ANN)
    fill_card(database, new, {"owner": "Zoë's team"}, ANN)
    return database


def found(database: Database, text: str, **query: Any) -> list[str]:
    wanted = parse(text)
    asked = Query(fields=wanted.fields, words=wanted.words, **query)
    with database.reading() as connection:
        return [
            f"{entry.fields['model']}/{entry.fields['version']}"
            for entry in read_entries(connection, asked)
            if wanted.matches(entry.fields, entry.text)
        ]


def test_a_search_finds_versions_newest_first_without_archived_ones(filled: Database) -> None:
    for text, meant in {
        "": ["delays/1.0.0", "flights/1.10.0", "flights/1.9.0"],
        "model = flights": ["flights/1.10.0", "flights/1.9.0"],
        "metrics.auc > 0.75": ["flights/1.10.0"],
        "metrics.lost != 1 and metrics.auc > 0": ["flights/1.10.0", "flights/1.9.0"],
        "state = approved": ["flights/1.9.0"],
        "serves = serving": ["flights/1.10.0"],
        "serves = production": ["flights/1.9.0"],
        "alias = champion and alias = candidate": ["flights/1.10.0"],
        "tags.team = ops": ["flights/1.10.0", "flights/1.9.0"],
        "tags.tier = 2": ["flights/1.10.0"],
        "tags.tier = 1": ["flights/1.9.0"],
        "facts.training.hyperparameters.epochs > 11": ["flights/1.10.0"],
        "FACTS.data.Spans = 2": ["flights/1.10.0"],
        "card.owner ~ zoë": ["flights/1.10.0"],
        "author = ben": ["flights/1.9.0"],
        "run = run-flights-1.9.0": ["flights/1.9.0"],
        "wind_gust": ["flights/1.10.0"],
        '"strong wind"': ["flights/1.9.0"],
        "trains": ["delays/1.0.0"],
        "hail": ["delays/1.0.0"],
        "ops": ["flights/1.10.0", "flights/1.9.0"],
        "champion": ["flights/1.10.0"],
        "hyperparameters": ["flights/1.10.0"],
        "contract": [],
    }.items():
        assert found(filled, text) == meant, text


def test_a_search_may_be_of_one_model_of_an_environment_and_with_archived_ones(
    filled: Database,
) -> None:
    assert found(filled, "wind", model="flights") == ["flights/1.10.0", "flights/1.9.0"]
    assert found(filled, "tags.team = ops", model="delays") == []
    assert found(filled, "state = approved", environment="production") == ["flights/1.10.0"]
    assert found(filled, "archived = yes", archived=True) == []
    assert found(filled, "archived = true", archived=True) == ["gone/1.0.0", "flights/1.11.0"]


def test_models_are_told_with_their_newest_version(filled: Database) -> None:
    with filled.reading() as connection:
        lines = {line.model: line for line in list_models(connection)}
        elsewhere = {line.model: line.state for line in list_models(connection, "production")}
    assert list(lines) == ["delays", "flights", "gone"]
    flights = lines["flights"]
    assert (flights.newest, flights.state, flights.versions, flights.archived) == (
        "1.10.0",
        "pending",
        2,
        1,
    )
    assert flights.aliases == {"candidate": "1.10.0", "champion": "1.10.0", "earlier": "1.9.0"}
    assert flights.serves == {"serving": "1.10.0", "production": "1.9.0"}
    assert (lines["gone"].newest, lines["gone"].versions, lines["gone"].archived) == ("", 0, 1)
    assert elsewhere == {"delays": None, "flights": "approved", "gone": None}


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    told: list[str] = []

    def before(*arguments: Any) -> None:
        told.append(arguments[2])

    event.listen(database.engine, "before_cursor_execute", before)
    yield told
    event.remove(database.engine, "before_cursor_execute", before)


def test_the_number_of_queries_does_not_grow_with_the_versions(file_database: Database) -> None:
    numbers = []
    asked = Query(fields=["metrics.auc", "tags.a", "facts.b"], words=True)
    for part in range(2):
        with file_database.working() as connection:
            for name in range(part * 5, part * 5 + 5):
                add_version(connection, f"flights/1.{name}.0")
                add_version(connection, f"model-{name}/1.0.0")
        with statements(file_database) as told, file_database.reading() as connection:
            read_entries(connection, asked)
            list_models(connection)
        numbers.append(len([one for one in told if one.startswith("SELECT")]))
    assert numbers[0] == numbers[1] < 12


def test_rows_are_sorted_numbers_as_numbers_and_those_without_one_last() -> None:
    rows = [{"n": value} for value in (10, None, 9.5, float("nan"), -1)]
    assert [row["n"] for row in in_order(rows, "n")][:3] == [-1, 9.5, 10]
    assert [row["n"] for row in in_order(rows, "-n")][:3] == [10, 9.5, -1]
    names = [{"v": name} for name in ("1.10.0", "1.9.0", "b", "A")]
    assert [row["v"] for row in in_order(names, "v")] == ["1.9.0", "1.10.0", "A", "b"]
    assert in_order([{"a": 1}, {"n": 2}, {"a": 3}], "n") == [{"n": 2}, {"a": 1}, {"a": 3}]
