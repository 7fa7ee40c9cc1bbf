"""Probes of the style black_box: which rows are kept, and when two mappings are one."""

from __future__ import annotations

import pytest

from taxiway.registry.database.session import Database
from taxiway.registry.versions.probes import kept_probes, mapping_digest, signature_digest

ROWS = [b"one", b"\xff\x00two"]
S1 = signature_digest({"inputs": {"wind": "number"}})
S2 = signature_digest({"inputs": {"wind": "string"}})


def test_the_rows_of_the_first_push_are_asked_ever_after(database: Database) -> None:
    assert kept_probes(database, "flights", S1, lambda: ROWS) == ROWS
    assert kept_probes(database, "flights", S1, lambda: [b"others"]) == ROWS


def test_each_model_and_each_signature_has_its_own(file_database: Database) -> None:
    kept_probes(file_database, "flights", S1, lambda: ROWS)
    assert kept_probes(file_database, "trains", S1, lambda: [b"a"]) == [b"a"]
    assert kept_probes(file_database, "flights", S2, lambda: [b"b"]) == [b"b"]
    assert kept_probes(file_database, "flights", S1, lambda: []) == ROWS


def test_of_two_that_come_at_once_the_first_rows_are_kept(file_database: Database) -> None:
    def meanwhile() -> list[bytes]:
        kept_probes(file_database, "flights", S1, lambda: ROWS)
        return [b"late"]

    assert kept_probes(file_database, "flights", S1, meanwhile) == ROWS


@pytest.mark.parametrize(
    ("one", "two", "equal"),
    [
        ([0.12345649], [0.12345651], False),
        ([0.12345671], [0.12345674], True),
        ([1234567.1], [1234567.2], True),
        ([0.0], [-0.0], True),
        ([float("nan")], [float("nan")], True),
        ([[0.25, 0.75]], [[0.75, 0.25]], False),
        ([0.5, 0.5], [0.5], False),
        (["red"], ["blue"], False),
        ([b"red"], [b"red"], True),
        ([1], [2], False),
    ],
)
def test_answers_are_compared_to_six_significant_digits(
    one: list[object], two: list[object], equal: bool
) -> None:
    digests = {mapping_digest(S1, {"probability": answers}) for answers in (one, two)}
    assert (len(digests) == 1) is equal


def test_another_signature_or_another_output_is_another_mapping() -> None:
    given = [(S1, {"a": [0.5]}), (S2, {"a": [0.5]}), (S1, {"b": [0.5]})]
    assert len({mapping_digest(*one) for one in given}) == 3
