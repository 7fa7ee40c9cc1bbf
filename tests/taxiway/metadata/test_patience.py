"""Trouble of a metadata store that passes is waited for, and no try takes all of the wait."""

from __future__ import annotations

import pytest
from ml_metadata import errors

from taxiway.metadata.connection import SqliteMetadata
from taxiway.metadata.patience import patiently

STORE = SqliteMetadata(kind="sqlite")


def test_a_try_that_takes_all_the_patience_is_not_the_only_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SqliteMetadata, "PATIENCE_SECONDS", 0.0)  # over when the first has failed
    tries = iter([errors.UnavailableError("away"), None])

    def act() -> str:
        trouble = next(tries)
        if trouble is not None:
            raise trouble
        return "there"

    assert patiently(act, STORE) == "there"


def test_trouble_that_stays_is_told_when_the_patience_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SqliteMetadata, "PATIENCE_SECONDS", 0.0)
    tries = []

    def act() -> None:
        tries.append(len(tries))
        raise errors.UnavailableError("away")

    with pytest.raises(errors.UnavailableError, match="away"):
        patiently(act, STORE)
    assert len(tries) == 2
