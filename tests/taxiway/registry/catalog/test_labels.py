"""Tags, notes and fields of a card: kept as they were written, each change on the audit."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from taxiway.errors import ConfigError
from taxiway.registry.approval.admission import admit
from taxiway.registry.approval.policy import RequiredApproval
from taxiway.registry.approval.states import state_of
from taxiway.registry.auth.actor import Actor, NotAllowed, Permission, Role
from taxiway.registry.catalog.cards import FIELDS, card_gaps
from taxiway.registry.catalog.labels import (
    LONGEST,
    Subject,
    add_note,
    change_tags,
    fill_card,
    notes_of,
    tags_of,
)
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import audit, deploy_queue
from tests.taxiway.registry.catalog.rows import add_version
from tests.taxiway.registry.conftest import ANN

FLIGHTS = Subject("version", "flights/1.0.0")
EVIL = "\x1b[31m Zoë \N{RIGHT-TO-LEFT OVERRIDE} '; DROP TABLE tags; -- \n\t%s 🛫"


def told(database: Database) -> list[tuple[str, str, Any, Any, str]]:
    """The audit: action, subject, before, after and reason of each entry."""
    of = audit.c
    query = select(of.action, of.subject, of.before, of.after, of.reason).order_by(of.sequence)
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_tags_are_set_changed_and_taken_away(database: Database) -> None:
    change_tags(database, FLIGHTS, {"owner": "ann", "Owner": "x"}, (), ANN, "first")
    after = change_tags(database, FLIGHTS, {"owner": "ben", "note": EVIL}, ["Owner"], ANN, "then")
    assert after == {"note": EVIL, "owner": "ben"}
    change_tags(database, FLIGHTS, {"owner": "ben"}, (), ANN)
    with database.reading() as connection:
        assert tags_of(connection, FLIGHTS) == after
        assert tags_of(connection, Subject("model", "flights/1.0.0")) == {}
        assert tags_of(connection, Subject("version", "flights/1.0.01")) == {}
    first, second = told(database)
    assert first == (
        "tags.changed",
        "flights/1.0.0",
        "{}",
        '{"Owner":"x","owner":"ann"}',
        "first",
    )
    assert second[2] == '{"Owner":"x","owner":"ann"}'
    assert second[3].endswith('"owner":"ben"}')


def test_notes_are_kept_in_their_order_with_who_wrote_them(database: Database) -> None:
    for text in ("one", EVIL):
        add_note(database, FLIGHTS, text, ANN)
    with database.reading() as connection:
        notes = notes_of(connection, FLIGHTS)
    assert [(note.text, note.written_by) for note in notes] == [("one", "ann"), (EVIL, "ann")]
    assert [entry[0] for entry in told(database)] == ["note.written"] * 2


def test_a_card_is_filled_in_field_by_field(database: Database) -> None:
    with database.working() as connection:
        version = add_version(connection, "flights/1.0.0")
    fill_card(database, version, {"owner": " Zoë's team ", "limitations": EVIL}, ANN, "asked for")
    filled = fill_card(database, version, {"intended_use": "planning", "owner": ""}, ANN)
    assert dict(filled.card) == {"intended_use": "planning", "limitations": EVIL.strip()}
    assert card_gaps(filled) == ["out_of_scope", "owner", "ethical_considerations"]
    assert card_gaps(filled, ["owner", "limitations", "risk"]) == ["owner", "risk"]
    assert card_gaps(version) == list(FIELDS)
    fill_card(database, version, {"intended_use": "planning"}, ANN)
    entries = told(database)
    assert [entry[:2] for entry in entries] == [("card.changed", "flights/1.0.0")] * 2
    assert entries[1][2:4] == ('{"owner":"Zoë\'s team"}', '{"intended_use":"planning"}')


def test_what_waits_for_a_field_of_its_card_only_is_let_through_with_it(
    file_database: Database,
) -> None:
    policy = RequiredApproval(
        kind="required", checks=(), reviewers=0, card_fields=("risk", "owner")
    )
    settings = file_database.settings.model_copy(update={"approval": policy})
    with file_database.changing(ANN, Permission.REGISTER) as change:
        version = add_version(change.connection, "flights/1.0.0")
        assert admit(change, version, settings).state == "pending"
    fill_card(file_database, version, {"risk": "low"}, ANN)
    with file_database.reading() as connection:
        waiting = state_of(connection, version, "")
        assert waiting is not None
        assert (waiting.state, waiting.reason) == ("pending", "the model card's field 'owner'")
        assert connection.execute(select(deploy_queue.c.id)).all() == []
    fill_card(file_database, version, {"owner": "ann"}, ANN)
    with file_database.reading() as connection:
        state = state_of(connection, version, "")
        assert state is not None
        assert state.state == "approved"
        assert connection.execute(select(deploy_queue.c.version)).scalars().all() == ["1.0.0"]
    assert "version.approved" in [entry[0] for entry in told(file_database)]


def test_what_cannot_be_kept_is_refused_and_nothing_is_changed(file_database: Database) -> None:
    with file_database.working() as connection:
        version = add_version(connection, "flights/1.0.0")
    for values, removed, hint in (
        ({"": "x"}, (), "cannot be a tag's key"),
        ({"a b": "x"}, (), "cannot be a tag's key"),
        ({"a\x1b": "x"}, (), "cannot be a tag's key"),
        ({"k" * 256: "x"}, (), "cannot be a tag's key"),
        ({"ok": "x" * (LONGEST + 1)}, (), "100,000 are kept at most"),
        ({"ok": "\udcff"}, (), "no UTF-8"),
        ({"ok": "\0"}, (), "NUL"),
        ({"ok": "x"}, ("gone",), "no tag 'gone'"),
    ):
        with pytest.raises(ConfigError, match=hint):
            change_tags(file_database, FLIGHTS, values, removed, ANN)
    with pytest.raises(ConfigError, match="empty"):
        add_note(file_database, FLIGHTS, " \n", ANN)
    with pytest.raises(ConfigError, match=r"no field 'ownr'; did you mean 'owner'\?"):
        fill_card(file_database, version, {"ownr": "x"}, ANN)
    with file_database.reading() as connection:
        assert tags_of(connection, FLIGHTS) == {}
    assert told(file_database) == []


def test_a_viewer_and_a_deployer_write_nothing(file_database: Database) -> None:
    with file_database.working() as connection:
        version = add_version(connection, "flights/1.0.0")
    for role in (Role.VIEWER, Role.DEPLOYER):
        eve = Actor("eve", "token", role)
        with pytest.raises(NotAllowed):
            change_tags(file_database, FLIGHTS, {"a": "b"}, (), eve)
        with pytest.raises(NotAllowed):
            add_note(file_database, FLIGHTS, "a", eve)
        with pytest.raises(NotAllowed):
            fill_card(file_database, version, {"owner": "eve"}, eve)
    assert told(file_database) == []
