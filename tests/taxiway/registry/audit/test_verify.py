"""What somebody with the database's password does to the audit is found, and where it was done."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, delete, insert, select, text, update

from taxiway.errors import ConfigError
from taxiway.process.progress import Progress, listening
from taxiway.registry.audit import verify as module
from taxiway.registry.audit.chain import GENESIS, HASHED, entry_hash
from taxiway.registry.audit.verify import Anchor, Verification, parse_anchor, read_head, verify
from taxiway.registry.auth.actor import Permission
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import audit, audit_head
from tests.taxiway.registry.conftest import ANN

ENTRIES = 24
COLUMNS = [name for name in HASHED if name not in ("sequence", "previous_hash")]
TRIES = {"sqlite": 1000, "mysql": 100, "postgresql": 100}


def fill(database: Database, entries: int = ENTRIES) -> None:
    with database.changing(ANN, Permission.ANNOTATE) as change:
        for number in range(1, entries + 1):
            change.record("tag.set", f"parcels/1.0.{number}", None, {"n": number}, "as asked")


@contextmanager
def tampering(database: Database) -> Iterator[Connection]:
    """A transaction that is undone, so that the next one tampers with a whole chain again."""
    with database.working() as connection:
        yield connection
        connection.rollback()


def rehash(connection: Connection, number: int, **changed: object) -> None:
    """Changes an entry as somebody does who knows how its hash is made."""
    entry = row_of(connection, number) | changed
    change(connection, number, **(entry | {"hash": entry_hash(entry)}))


def change(connection: Connection, number: int, **values: object) -> None:
    connection.execute(update(audit).where(audit.c.sequence == number).values(**values))


def remove(connection: Connection, number: int) -> None:
    connection.execute(delete(audit).where(audit.c.sequence == number))


def row_of(connection: Connection, number: int) -> dict[str, object]:
    query = select(audit).where(audit.c.sequence == number)
    return dict(connection.execute(query).mappings().one())


def first(found: Verification) -> int | None:
    return found.faults[0].sequence if found.faults else None


def edit(connection: Connection, pick: random.Random) -> int:
    number, column = pick.randint(1, ENTRIES), pick.choice([*COLUMNS, "previous_hash", "hash"])
    old = str(row_of(connection, number)[column])
    new = pick.choice([old + " ", old[:-1], old.swapcase(), "x", old + "\u0301", ""])
    change(connection, number, **{column: new if new != old else "y"})
    return number


def edit_and_rehash(connection: Connection, pick: random.Random) -> int:
    number, column = pick.randint(1, ENTRIES), pick.choice([*COLUMNS, "previous_hash"])
    rehash(connection, number, **{column: "x"})
    return number


def delete_one(connection: Connection, pick: random.Random) -> int:
    number = pick.randint(1, ENTRIES)
    remove(connection, number)
    return number


def delete_some_at_the_tail(connection: Connection, pick: random.Random) -> int:
    number = pick.randint(1, ENTRIES)
    connection.execute(delete(audit).where(audit.c.sequence >= number))
    return number


def delete_and_close_the_gap(connection: Connection, pick: random.Random) -> int:
    number = pick.randint(1, ENTRIES)
    remove(connection, number)
    for later in range(number + 1, ENTRIES + 1):
        change(connection, later, sequence=later - 1)
    return number


def put_in(connection: Connection, pick: random.Random) -> int:
    """An entry in the middle, chained to the one before it; those after it move on."""
    number = pick.randint(1, ENTRIES)
    forged = row_of(connection, number) | {"reason": "forged"}
    for later in range(ENTRIES, number - 1, -1):
        change(connection, later, sequence=later + 1)
    connection.execute(insert(audit).values(forged | {"hash": entry_hash(forged)}))
    return number


def append_past_the_head(connection: Connection, pick: random.Random) -> int:
    last = row_of(connection, ENTRIES)
    number = ENTRIES + pick.randint(1, 3)
    forged = last | {"sequence": number, "previous_hash": last["hash"]}
    connection.execute(insert(audit).values(forged | {"hash": entry_hash(forged)}))
    return ENTRIES + 1


def swap(connection: Connection, pick: random.Random) -> int:
    one, other = sorted(pick.sample(range(1, ENTRIES + 1), 2))
    rows = row_of(connection, one), row_of(connection, other)
    change(connection, one, sequence=-1)
    change(connection, other, sequence=one)
    change(connection, -1, sequence=other)
    assert row_of(connection, one) == rows[1] | {"sequence": one}
    return one


def swap_contents_and_rehash(connection: Connection, pick: random.Random) -> int:
    """Of two neighbours nothing is left that tells the first from a right one: see the message."""
    one, other = sorted(pick.sample(range(1, ENTRIES + 1), 2))
    rows = row_of(connection, one), row_of(connection, other)
    for number, row in ((one, rows[1]), (other, rows[0])):
        rehash(connection, number, **{name: row[name] for name in COLUMNS})
    return other if other == one + 1 else one


def renumber(connection: Connection, pick: random.Random) -> int:
    number = pick.randint(1, ENTRIES)
    change(connection, number, sequence=ENTRIES + pick.randint(1, 9))
    return number


def move_the_head(connection: Connection, pick: random.Random) -> int:
    head = read_head(connection)
    number = pick.choice([*range(ENTRIES), ENTRIES + 1])
    connection.execute(update(audit_head).values(sequence=number, hash=head.hash))
    return min(number, ENTRIES) + 1


def set_the_head_back(connection: Connection, pick: random.Random) -> int:
    number = pick.randint(2, ENTRIES)
    before = row_of(connection, number - 1)["hash"]
    connection.execute(update(audit_head).values(sequence=number - 1, hash=before))
    return number


TAMPERINGS: tuple[Callable[[Connection, random.Random], int], ...] = (
    *(edit, edit_and_rehash, delete_one, delete_some_at_the_tail, delete_and_close_the_gap),
    *(put_in, append_past_the_head, swap, swap_contents_and_rehash, renumber),
    *(move_the_head, set_the_head_back),
)


def test_a_chain_that_nobody_touched_is_whole(database: Database) -> None:
    fill(database)
    with database.reading() as connection:
        found = verify(connection, [read_head(connection)])
    assert (found.entries, found.faults, found.head.sequence) == (ENTRIES, [], ENTRIES)


def test_an_empty_chain_is_whole(database: Database) -> None:
    with database.reading() as connection:
        assert verify(connection) == Verification(0, Anchor(GENESIS, 0))


def test_every_tampering_is_found_at_its_first_entry(database: Database) -> None:
    fill(database)
    pick = random.Random(0)
    for number in range(TRIES[database.settings.kind]):
        tamper = TAMPERINGS[number % len(TAMPERINGS)]
        with tampering(database) as connection:
            where = tamper(connection, pick)
            assert first(verify(connection)) == where, f"{tamper.__name__}, try {number}"
    with database.reading() as connection:
        assert verify(connection).faults == []


def test_a_tail_that_was_cut_off_with_the_head_set_back_is_found_by_an_anchor(
    database: Database,
) -> None:
    fill(database)
    with tampering(database) as connection:
        anchor = read_head(connection)
        connection.execute(delete(audit).where(audit.c.sequence > 20))
        last = row_of(connection, 20)["hash"]
        connection.execute(update(audit_head).values(sequence=20, hash=last))
        assert verify(connection).faults == []
        (fault,) = verify(connection, [anchor]).faults
    assert (fault.sequence, fault.what) == (21, "to 24: cut off: one is anchored")


def test_a_rewrite_of_the_whole_chain_from_an_entry_on_is_found_by_an_anchor(
    database: Database,
) -> None:
    fill(database)
    with tampering(database) as connection:
        anchors = [Anchor(str(row_of(connection, at)["hash"]), at) for at in (5, 10, 20)]
        previous = row_of(connection, 6)["hash"]
        for number in range(7, ENTRIES + 1):
            rehash(connection, number, previous_hash=previous, actor="eve")
            previous = row_of(connection, number)["hash"]
        connection.execute(update(audit_head).values(hash=previous))
        assert verify(connection).faults == []
        assert verify(connection, anchors[:1]).faults == []
        faults = verify(connection, anchors[::-1]).faults
    assert [fault.sequence for fault in faults] == [10, 20]
    assert "it or one before it, after 5, was made anew" in faults[0].what


def test_a_head_that_is_missing_or_double_is_found(database: Database) -> None:
    fill(database)
    with tampering(database) as connection:
        connection.execute(insert(audit_head).values(id=2, sequence=1, hash="x"))
        assert "2 heads" in verify(connection).faults[0].what
    with tampering(database) as connection:
        connection.execute(delete(audit_head))
        assert "0 heads" in verify(connection).faults[0].what


@pytest.mark.parametrize("value", ["X'ff00'", "CAST(X'c328' AS TEXT)"])
@pytest.mark.parametrize("column", [*COLUMNS, "previous_hash", "hash"])
def test_what_sqlite_takes_as_text_and_is_none_is_found(
    column: str, value: str, file_database: Database
) -> None:
    fill(file_database)
    with tampering(file_database) as connection:
        connection.execute(text(f"UPDATE audit SET {column} = {value} WHERE sequence = 7"))
        found = verify(connection)
    assert (first(found), len(found.faults), found.entries) == (7, 1, ENTRIES)


def test_entries_without_a_number_of_the_chain_are_found(file_database: Database) -> None:
    fill(file_database)
    for number in (0, -3):
        with tampering(file_database) as connection:
            forged = row_of(connection, 1) | {"sequence": number}
            connection.execute(insert(audit).values(forged))
            assert first(verify(connection)) == number


def test_it_reads_page_by_page_and_tells_how_far_it_is(
    file_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAGE", 10)
    fill(file_database)
    heard: list[Progress] = []
    with listening(heard.append), file_database.reading() as connection:
        found = verify(connection)
    assert (found.entries, found.faults) == (ENTRIES, [])
    assert [(one.done, one.total, one.unit) for one in heard] == [
        (10, ENTRIES, "entries"),
        (20, ENTRIES, "entries"),
    ]


def test_entries_that_are_appended_meanwhile_are_no_fault(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two pages another writer appends: the head is not what it was at the beginning."""
    monkeypatch.setattr(module, "_PAGE", 10)
    fill(database)
    other = Database(database.settings)
    left = [1, 1, 1]

    def appended(_: Progress) -> None:
        if left:
            fill(other, left.pop())

    with listening(appended), database.reading() as connection:
        found = verify(connection)
    other.engine.dispose()
    assert found.faults == []
    assert found.entries == found.head.sequence >= ENTRIES


@pytest.mark.parametrize("given", ["", "12", "x" * 64 + ":1", "a" * 64, "a" * 64 + ":-1"])
def test_an_anchor_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="received the anchor"):
        parse_anchor(given)


def test_an_anchor_is_read_as_it_is_printed() -> None:
    anchor = Anchor("a" * 64, 12)
    assert parse_anchor(f" {anchor}\n") == anchor
