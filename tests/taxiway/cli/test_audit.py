"""`taxiway audit`: what it lists, and what it says where somebody has tampered with the record."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from taxiway.registry.auth.actor import Actor, Permission, Role
from taxiway.registry.database.session import Database
from taxiway.registry.section import SqliteRegistry
from tests.conftest import TINY, CommandLine, Finished

Call = Callable[..., Finished]


@pytest.fixture
def audit(here: CommandLine, tmp_path: Path) -> Call:
    """Runs `taxiway audit ...` on a registry with three changes."""
    database = Database(SqliteRegistry(kind="sqlite", path=str(tmp_path / "registry.sqlite")))
    for name, action, subject in (
        ("ann", "version.registered", "parcels/1.0.0"),
        ("ben", "version.approved", "parcels/1.0.0"),
        ("ann", "tag.set", "trains/1.0.0"),
    ):
        actor = Actor(name, "system", Role.ADMIN)
        with database.changing(actor, Permission.ANNOTATE) as change:
            change.record(action, subject, None, {"n": 1}, "as \x1b[31masked\nfor")
    database.engine.dispose()

    def call(*arguments: str) -> Finished:
        return here("audit", *arguments, "-c", TINY, "-s", f"output.root={tmp_path}")

    return call


def tamper(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "registry.sqlite")) as connection, connection:
        connection.execute(statement)


def test_a_log_lists_the_newest_change_first(audit: Call) -> None:
    entries = json.loads(audit("log", "--json").out)
    assert [entry["action"] for entry in entries] == [
        "tag.set",
        "version.approved",
        "version.registered",
    ]
    assert entries[0]["after"] == {"n": 1}
    lines = audit("log").out.splitlines()
    assert len(lines) == 4
    assert lines[0].split() == ["entry", "when", "who", "via", "host", "what", "of", "why"]
    assert "tag.set" in lines[1]
    assert "\x1b" not in lines[1]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (("--actor", "ann"), [3, 1]),
        (("--subject", "parcels/1.0.0"), [2, 1]),
        (("--subject", "parcels"), [2, 1]),
        (("--subject", "parcel"), []),
        (("--subject", "%"), []),
        (("--action", "version"), [2, 1]),
        (("--action", "version.approved"), [2]),
        (("--since", "1h"), [3, 2, 1]),
        (("--since", "2000-01-01T12:00Z", "--limit", "2"), [3, 2]),
        (("--since", "2999-01-01"), []),
        (("--actor", "ann", "--action", "tag"), [3]),
    ],
)
def test_a_log_is_of_what_was_asked_for(
    audit: Call, options: tuple[str, ...], numbers: list[int]
) -> None:
    entries = json.loads(audit("log", *options, "--json").out)
    assert [entry["sequence"] for entry in entries] == numbers


@pytest.mark.parametrize(
    "given", ["yesterday", "2026-13-01", "0d", "20260301", "99999w", "0001-01-01T00:00+14:00"]
)
def test_a_time_that_is_none_is_refused(audit: Call, given: str) -> None:
    done = audit("log", "--since", given)
    assert done.code == 2
    assert "received the time" in done.err
    assert "edit: --since" in done.err


def test_a_record_that_nobody_touched_is_whole_and_gives_its_anchor(audit: Call) -> None:
    anchor = audit("anchor").out.strip()
    assert anchor.endswith(":3")
    done = audit("verify", "--anchor", anchor)
    assert done.code == 0
    assert done.out == f"3 entries, whole, 1 anchored; the last is {anchor}\n"
    assert json.loads(audit("anchor", "--json").out)["anchor"] == anchor
    assert json.loads(audit("verify", "--json").out)["is_whole"] is True


def test_a_change_of_an_entry_is_told_with_its_number(audit: Call, tmp_path: Path) -> None:
    tamper(tmp_path, "UPDATE audit SET actor = 'eve' WHERE sequence = 2")
    done = audit("verify")
    assert done.code == 1
    assert "was tampered with:\n  entry 2 was changed" in done.err
    told = audit("verify", "--json")
    assert told.code == 1
    assert json.loads(told.out)["faults"][0]["sequence"] == 2


def test_a_cut_tail_is_told_where_an_anchor_was_kept(audit: Call, tmp_path: Path) -> None:
    anchor = audit("anchor").out.strip()
    tamper(tmp_path, "DELETE FROM audit WHERE sequence = 3")
    tamper(
        tmp_path,
        "UPDATE audit_head SET sequence = 2, hash = (SELECT hash FROM audit WHERE sequence = 2)",
    )
    assert audit("verify").code == 0
    done = audit("verify", "--anchor", anchor)
    assert done.code == 1
    assert "entry 3 is cut off: one is anchored" in done.err


def test_what_is_no_anchor_is_refused(audit: Call) -> None:
    done = audit("verify", "--anchor", "3")
    assert done.code == 2
    assert "received the anchor" in done.err
