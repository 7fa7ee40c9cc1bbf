"""Model versions as the registry keeps them, on each kind of database."""

from __future__ import annotations

import dataclasses

from taxiway.registry.database.session import Database
from taxiway.registry.versions.records import Candidate, find_version, list_versions, register
from tests.taxiway.registry.conftest import ANN


def candidate(model: str = "m1", name: str = "parcels", pushed_to: str = "/serving/1") -> Candidate:
    return Candidate(name, "run", model, "c1", "p1", pushed_to, {"auc": 0.7})


def test_the_first_version_is_1_0_0(database: Database) -> None:
    assert register(database, candidate(), ANN).name == "1.0.0"


def test_the_same_model_keeps_its_version(database: Database) -> None:
    first = register(database, candidate(), ANN)
    assert register(database, candidate(), ANN) == first
    assert list_versions(database, "parcels") == [first]


def test_a_model_that_is_pushed_again_keeps_its_version_and_has_its_newest_place(
    database: Database,
) -> None:
    first = register(database, candidate(), ANN)
    register(database, candidate("m2"), ANN)
    later = dataclasses.replace(candidate(), run_id="later", pushed_to="/serving/3")
    again = register(database, later, ANN)
    assert (again.name, again.candidate.run_id) == ("1.0.0", "run")
    assert again.candidate.pushed_to == "/serving/3"
    assert find_version(database, "parcels", "m1") == again != first
    assert find_version(database, "parcels", "m3") is None
    assert find_version(database, "trains", "m1") is None
