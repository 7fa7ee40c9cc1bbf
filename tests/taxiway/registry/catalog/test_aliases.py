"""Aliases move, protected ones to approved versions only; what is archived is out of the way."""

from __future__ import annotations

from typing import Final

import pytest
from sqlalchemy import Connection, insert, select, update

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.approval.states import NotApproved, set_state
from taxiway.registry.auth.actor import Actor, NotAllowed, Role
from taxiway.registry.catalog.aliases import (
    aliases_of,
    archive,
    move_alias,
    remove_alias,
    unarchive,
)
from taxiway.registry.catalog.references import find
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import audit, deploy_queue, deployments, now
from taxiway.registry.versions.records import ModelVersion
from tests.taxiway.registry.catalog.rows import add_version
from tests.taxiway.registry.conftest import ANN

CHAMPION: Final = ("champion",)
AUTHOR: Final = Actor("ben", "system", Role.AUTHOR)
APPROVER: Final = Actor("cleo", "system", Role.APPROVER)


@pytest.fixture
def two(database: Database) -> tuple[ModelVersion, ModelVersion]:
    """Two versions; the first is approved, in production too."""
    with database.working() as connection:
        first = add_version(connection, "flights/1.0.0")
        second = add_version(connection, "flights/1.1.0")
        set_state(connection, first, "", "approved", "")
        set_state(connection, first, "production", "approved", "")
        set_state(connection, second, "", "pending", "1 reviewer")
    return first, second


def actions(connection: Connection) -> list[tuple[str, str, str, str, str]]:
    of = audit.c
    query = select(of.action, of.subject, of.before, of.after, of.reason).order_by(of.sequence)
    return [tuple(row) for row in connection.execute(query)]


def test_an_alias_moves_from_version_to_version(
    database: Database, two: tuple[ModelVersion, ModelVersion]
) -> None:
    first, second = two
    assert move_alias(database, first, "candidate", AUTHOR, CHAMPION, reason="new") == ""
    assert move_alias(database, first, "candidate", AUTHOR, CHAMPION) == "1.0.0"
    assert move_alias(database, second, "candidate", AUTHOR, CHAMPION, reason="better") == "1.0.0"
    with database.reading() as connection:
        assert find(connection, "flights@candidate").subject == "flights/1.1.0"
        assert actions(connection) == [
            ("alias.moved", "flights@candidate", "null", '{"version":"1.0.0"}', "new"),
            (
                "alias.moved",
                "flights@candidate",
                '{"version":"1.0.0"}',
                '{"version":"1.1.0"}',
                "better",
            ),
        ]
    with pytest.raises(ConfigError, match=r"no alias 'candidate' \(it has: none\)"):
        remove_alias(database, first, "candidate", AUTHOR)
    remove_alias(database, second, "candidate", AUTHOR, reason="done")
    with database.reading() as connection:
        assert aliases_of(connection, second) == {}
        assert actions(connection)[-1] == (
            "alias.removed",
            "flights@candidate",
            '{"version":"1.1.0"}',
            "null",
            "done",
        )


def test_a_protected_alias_moves_to_approved_versions_and_by_approvers_only(
    database: Database, two: tuple[ModelVersion, ModelVersion]
) -> None:
    first, second = two
    with pytest.raises(NotAllowed, match="ben has the role author"):
        move_alias(database, first, "champion", AUTHOR, CHAMPION)
    with pytest.raises(NotApproved, match="waits for approval: it needs 1 reviewer"):
        move_alias(database, second, "champion", APPROVER, CHAMPION)
    with pytest.raises(NotApproved, match="not approved in staging"):
        move_alias(database, first, "champion", APPROVER, CHAMPION, environment="staging")
    move_alias(database, first, "champion", APPROVER, CHAMPION, environment="production")
    with database.reading() as connection:
        assert aliases_of(connection, first) == {"champion": True}


def test_an_alias_that_was_protected_stays_so_whatever_a_later_config_says(
    database: Database, two: tuple[ModelVersion, ModelVersion]
) -> None:
    first, second = two
    with database.working() as connection:
        other = add_version(connection, "delays/1.0.0")
    move_alias(database, first, "champion", APPROVER, CHAMPION)
    with pytest.raises(NotAllowed):
        move_alias(database, second, "champion", AUTHOR, protected=())
    with pytest.raises(NotApproved):
        move_alias(database, second, "champion", ANN, protected=())
    with pytest.raises(NotAllowed):
        move_alias(database, other, "champion", AUTHOR, protected=())
    with pytest.raises(NotAllowed):
        remove_alias(database, first, "champion", AUTHOR, protected=())
    remove_alias(database, first, "champion", APPROVER, protected=())
    move_alias(database, second, "champion", AUTHOR, protected=())


def test_an_archived_version_loses_its_aliases_and_gets_none(
    database: Database, two: tuple[ModelVersion, ModelVersion]
) -> None:
    first, second = two
    move_alias(database, second, "candidate", AUTHOR)
    assert archive(database, second, AUTHOR, "superseded") == ["candidate"]
    assert archive(database, second, AUTHOR, "again") == []
    with pytest.raises(TaxiwayError, match="archived"):
        move_alias(database, second, "candidate", AUTHOR)
    with database.reading() as connection:
        assert find(connection, "flights").name == "1.0.0"
        assert find(connection, "flights/1.1.0").archived
        told = [entry[0] for entry in actions(connection)]
        assert told == ["alias.moved", "alias.removed", "version.archived"]
        assert actions(connection)[-1][2:] == (
            '{"archived":false}',
            '{"archived":true}',
            "superseded",
        )
    unarchive(database, second, AUTHOR, "needed")
    unarchive(database, second, AUTHOR, "needed")
    with database.reading() as connection:
        assert not find(connection, "flights").archived
        assert actions(connection)[-1][0] == "version.unarchived"
        assert len(actions(connection)) == len(told) + 1
    assert first.name == "1.0.0"


def test_what_serves_is_queued_or_is_the_champion_is_not_archived(
    database: Database, two: tuple[ModelVersion, ModelVersion]
) -> None:
    first, second = two
    move_alias(database, first, "champion", APPROVER, CHAMPION)
    with pytest.raises(TaxiwayError, match=r"flights/1\.0\.0 is the model's champion"):
        archive(database, first, ANN, "old")
    of_second = {"model": "flights", "version": "1.1.0"}
    with database.working() as connection:
        entry = of_second | {"pushed_to": "/p", "state": "waiting"}
        connection.execute(insert(deploy_queue).values(entry))
    with pytest.raises(TaxiwayError, match="is queued to be deployed"):
        archive(database, second, ANN, "old")
    with database.working() as connection:
        connection.execute(update(deploy_queue).values(state="done"))
        by = {"place": "/p", "queued_by": "ann", "deployed_by": "ben", "since": now()}
        row = of_second | by | {"environment": "production"}
        connection.execute(insert(deployments).values(row))
    with pytest.raises(TaxiwayError, match="serves in production"):
        archive(database, second, ANN, "old")
    with database.working() as connection:
        connection.execute(update(deployments).values(until=now()))
    archive(database, second, ANN, "old")


@pytest.mark.parametrize("name", ["", "Champion", "a b", "1", "a/b", "a@b", "-a", "é", "a" * 64])
def test_what_cannot_be_an_alias_is_refused(file_database: Database, name: str) -> None:
    with file_database.working() as connection:
        version = add_version(connection, "flights/1.0.0")
    with pytest.raises(ConfigError, match="cannot be an alias"):
        move_alias(file_database, version, name, ANN)
