"""What people call a run: its id, the start of it, and the latest ones."""

from __future__ import annotations

import pytest

from taxiway.errors import ConfigError
from taxiway.registry.database.session import Database
from taxiway.registry.runs.references import find_run
from tests.taxiway.registry.conftest import database, sections
from tests.taxiway.registry.runs.rows import add_run

__all__ = ["database", "sections"]


def find(database: Database, text: str) -> str:
    with database.reading() as connection:
        return find_run(connection, text)


def test_a_run_is_found_by_whatever_people_call_it(database: Database) -> None:
    add_run(database, "20260301-aa-1")
    add_run(database, "20260301-ab-2")
    add_run(database, "20260301-ab-20", started_at="2026-02-01T12:00:00.000000Z")
    assert find(database, "20260301-aa") == "20260301-aa-1"
    assert find(database, " 20260301-ab-2 ") == "20260301-ab-2"  # its own id, not a start of two
    assert find(database, "latest") == "20260301-ab-2"
    assert find(database, "LATEST~1") == "20260301-aa-1"
    assert find(database, "latest~2") == "20260301-ab-20"


def test_the_start_of_several_is_refused_with_all_of_them(database: Database) -> None:
    for number in (1, 2):
        add_run(database, f"20260301-{number}")
    with pytest.raises(ConfigError) as refused:
        find(database, "2026")
    assert refused.value.message == "'2026' may be several runs: 20260301-2, 20260301-1"


def test_a_run_that_there_is_not_is_refused_with_those_that_there_are(database: Database) -> None:
    for number in (1, 2):
        add_run(database, f"20260301-{number}")
    for text in ("", "latest~2", "20260301-3", "%", "_0260301"):
        with pytest.raises(ConfigError, match="there is no run") as refused:
            find(database, text)
        assert "20260301-2, 20260301-1" in refused.value.message


def test_an_index_with_no_run_says_so(database: Database) -> None:
    with pytest.raises(ConfigError, match="the index of runs is empty"):
        find(database, "latest")
