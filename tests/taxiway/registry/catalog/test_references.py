"""What people call a version is the version they mean, or an error that says what there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from sqlalchemy import Connection, update

from taxiway.errors import ConfigError
from taxiway.registry.catalog.references import find
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import model_versions
from tests.taxiway.registry.catalog.rows import add_alias, add_version

MEANT: Final = {
    "flights/1.2.7": "flights/1.2.7",
    "/1.2.7": "flights/1.2.7",
    "1.2.7": "flights/1.2.7",
    " 1.2.7 ": "flights/1.2.7",
    "1.0.0": "flights/1.0.0",
    "delays/1.0.0": "delays/1.0.0",
    "flights@champion": "flights/1.2.7",
    "@champion": "flights/1.2.7",
    "delays@Café": "delays/1.0.0",
    "flights": "flights/1.10.0",
    "delays": "delays/3.0.0",
    "run-flights-1.0.0": "flights/1.0.0",
    "run-delays-3.0.0": "delays/3.0.0",
    "shared": "flights/1.10.0",
    "0123abc": "flights/1.0.0",
    "0123ffff" * 8: "flights/1.2.7",
}
"""By what is typed, where the config's model is flights."""
REFUSED: Final = (
    ("1.2.8", "flights", "flights has no version '1.2.8'; did you mean '1.2.7'? (it has, "),
    ("1.2.8", "flights", "newest first: 1.10.0, 1.2.7, 1.0.0)"),
    ("flights/1.2.8", "", "did you mean '1.2.7'?"),
    ("flihgts/1.2.7", "", "a model 'flihgts'; did you mean 'flights'? (it has: delays, flights)"),
    ("flihgts@champion", "", "a model 'flihgts'; did you mean 'flights'?"),
    ("@champoin", "flights", "no alias 'champoin'; did you mean 'champion'? (it has: champion)"),
    ("@café", "delays", "no alias 'café'; did you mean 'Café'?"),
    ("@champion", "delays", "no alias 'champion' (it has: Café)"),
    ("1.0.0", "", "'1.0.0' may be several versions: delays/1.0.0, flights/1.0.0"),
    ("shared", "", "'shared' may be several versions: delays/1.0.0, flights/1.10.0"),
    ("0123", "flights", "flights has no version '0123'"),
    ("%", "flights", "flights has no version '%'"),
    ("flight_", "flights", "flights has no version 'flight_'"),
    ("", "flights", "flights has no version ''"),
    ("nothing", "", "no version of a model 'nothing'"),
)
"""What is typed, the config's model, and a part of what is told."""


@pytest.fixture
def filled(database: Database) -> Iterator[Connection]:
    """Two models, three versions of one of them, an alias of each."""
    with database.working() as connection:
        add_version(connection, "flights/1.0.0", model_digest="0123abcd" * 8)
        champion = add_version(connection, "flights/1.2.7", model_digest="0123ffff" * 8)
        add_version(connection, "flights/1.10.0", run_id="shared")
        add_alias(connection, champion, "champion")
        delays = add_version(connection, "delays/1.0.0", run_id="shared")
        add_version(connection, "delays/3.0.0")
        add_alias(connection, delays, "Café")
        yield connection


def test_each_form_finds_its_version(filled: Connection) -> None:
    assert {text: find(filled, text, "flights").subject for text in MEANT} == MEANT


def test_what_is_not_there_is_told_with_what_is(filled: Connection) -> None:
    for text, model, told in REFUSED:
        with pytest.raises(ConfigError) as refused:
            find(filled, text, model)
        assert told in str(refused.value), text


def test_the_newest_is_the_newest_that_is_not_archived(filled: Connection) -> None:
    shelved = model_versions.c.name == "1.10.0"
    filled.execute(update(model_versions).where(shelved).values(archived=True))
    assert find(filled, "flights").subject == "flights/1.2.7"
    assert find(filled, "1.10.0", "flights").archived


def test_a_registry_without_versions_says_so(database: Database) -> None:
    with database.reading() as connection, pytest.raises(ConfigError, match="no version of any"):
        find(connection, "1.0.0", "flights")


def test_a_model_without_aliases_says_how_to_give_one(file_database: Database) -> None:
    with file_database.working() as connection:
        add_version(connection, "flights/1.0.0")
        with pytest.raises(ConfigError, match="taxiway models alias flights/VERSION champion"):
            find(connection, "@champion", "flights")
