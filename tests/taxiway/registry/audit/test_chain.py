"""Appending: what every database gives back as it was handed over, and what is refused on all."""

from __future__ import annotations

import json
import threading
from contextlib import nullcontext

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from taxiway.errors import ConfigError
from taxiway.registry.audit.chain import LONGEST_REASON, LONGEST_VALUE
from taxiway.registry.audit.verify import verify
from taxiway.registry.auth.actor import Actor, Permission, Role
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import audit
from tests.taxiway.registry.conftest import ANN

ODD = (
    "trailing blanks   ",
    "  leading, and a tab\t",
    "\n",
    "",
    "\\ and \\' and \" and % and _ and :name and ?",
    "李 Å 😀 e\u0301 \u00e9 \ufeff \u200b \u2028",
    "nul\x00nul",
    "half \ud83d of a pair",
    "bytes \udcff that are no text",
    "\x01\x1b[31m\x7f\x85",
    "\ufffe\uffff\U0010ffff",
    "x" * 70_000,
    "😀" * 20_000,
)


def record(database: Database, subject: str, reason: str, value: object = None) -> None:
    with database.changing(ANN, Permission.ANNOTATE) as change:
        change.record("tag.set", subject, None, value, reason)


def faults(database: Database) -> list[object]:
    with database.reading() as connection:
        return list(verify(connection).faults)


def test_any_text_is_kept_so_that_the_hash_holds(database: Database) -> None:
    for text in ODD:
        record(database, "parcels/1.0.0", text, {"note": text, text[:50]: [text]})
    assert faults(database) == []
    with database.reading() as connection:
        rows = connection.execute(select(audit).order_by(audit.c.sequence)).all()
    assert [json.loads(row.after)["note"] for row in rows] == list(ODD)
    plain = [text for text in ODD if "\x00" not in text and not _has_surrogates(text)]
    assert [row.reason for row in rows if row.reason in plain] == plain
    assert "nul\\x00nul" in [row.reason for row in rows]
    assert "bytes \\udcff that are no text" in [row.reason for row in rows]


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(), max_size=40), st.text(st.characters(), max_size=40))
def test_whatever_is_written_the_chain_stays_whole(
    database: Database, subject: str, reason: str
) -> None:
    is_text = "\x00" not in subject and not _has_surrogates(subject)
    with nullcontext() if is_text else pytest.raises(ConfigError, match="no text"):
        record(database, subject, reason, {subject: [reason]})
    assert faults(database) == []


@pytest.mark.parametrize("column", ["subject", "actor", "action"])
def test_a_name_that_a_database_would_cut_is_refused(column: str, database: Database) -> None:
    names = {"subject": "parcels", "actor": "ann", "action": "tag.set"}

    def record_with(length: int) -> None:
        given = names | {column: "😀" * length}
        actor = Actor(given["actor"], "system", Role.ADMIN)
        with database.changing(actor, Permission.ANNOTATE) as change:
            change.record(given["action"], given["subject"])

    record_with(255)
    with pytest.raises(ConfigError, match=f"{column} has 256 characters"):
        record_with(256)
    assert faults(database) == []


@pytest.mark.parametrize("text", ["a\x00b", "\udcff"])
def test_a_name_that_is_no_text_is_refused_and_nothing_is_written(
    text: str, database: Database
) -> None:
    with pytest.raises(ConfigError, match="subject holds what is no text"):
        record(database, text, "")
    with database.reading() as connection:
        assert verify(connection).entries == 0


def test_the_longest_texts_are_kept_and_longer_ones_refused(database: Database) -> None:
    longest = "😀" * (LONGEST_VALUE - 10)
    with database.changing(ANN, Permission.ANNOTATE) as change:
        change.record("card.set", "parcels", {"": longest}, {"": longest}, "😀" * LONGEST_REASON)
    for reason, value in (("x" * (LONGEST_REASON + 1), None), ("", "x" * LONGEST_VALUE)):
        with pytest.raises(ConfigError, match="at most are kept"):
            record(database, "parcels", reason, value)
    assert faults(database) == []


def test_writers_at_the_same_time_keep_one_chain(database: Database) -> None:
    writers, each = 8, 10
    assert database.engine  # its tables are made
    errors: list[BaseException] = []

    def write(name: str) -> None:
        own = Database(database.settings)
        try:
            for number in range(each):
                record(own, f"{name}/{number}", "")
        except BaseException as error:
            errors.append(error)
        finally:
            own.engine.dispose()

    threads = [threading.Thread(target=write, args=(f"m{one}",)) for one in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with database.reading() as connection:
        found = verify(connection)
        subjects = set(connection.execute(select(audit.c.subject)).scalars())
    assert (found.entries, found.faults) == (writers * each, [])
    assert subjects == {f"m{one}/{number}" for one in range(writers) for number in range(each)}
