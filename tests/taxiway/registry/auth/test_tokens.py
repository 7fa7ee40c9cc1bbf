"""Tokens: who may make and use them, that nothing keeps their secret, and when they end."""

from __future__ import annotations

import logging
import re
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from taxiway.errors import ConfigError
from taxiway.registry.auth import tokens as module
from taxiway.registry.auth.actor import (
    PERMITTED,
    TOKEN_ENV,
    Actor,
    NotAllowed,
    Permission,
    Role,
    system_actor,
)
from taxiway.registry.auth.current import current_actor
from taxiway.registry.auth.tokens import (
    PATTERN,
    NewToken,
    create_token,
    expiry,
    list_tokens,
    revoke_token,
)
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import audit, now, tokens

SYSTEM = Actor("ann", "system", Role.ADMIN)
BEFORE = "2000-01-01T00:00:00.000000Z"


@pytest.fixture(autouse=True)
def _no_token_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_ENV, raising=False)


def made(database: Database, name: str = "ann", role: Role = Role.ADMIN) -> NewToken:
    """A token, made by the system's user where it is the first, else by an admin."""
    admins = [one for one in list_tokens(database) if (one.role, one.state) == ("admin", "usable")]
    actor = Actor("root", "token", Role.ADMIN, admins[0].id) if admins else SYSTEM
    return create_token(database, actor, name, role, expiry("30d"))


def changes(database: Database, actor: Actor, permission: Permission = Permission.ANNOTATE) -> None:
    with database.changing(actor, permission) as change:
        change.record("test.changed", "subject")


def test_without_any_token_the_systems_user_acts_and_may_all(database: Database) -> None:
    actor = current_actor(database)
    assert actor == system_actor()
    for permission in Permission:
        changes(database, actor, permission)
    with database.reading() as connection:
        assert set(connection.execute(select(audit.c.via)).scalars()) == {"system"}


def test_once_there_is_a_token_a_change_without_one_is_refused(database: Database) -> None:
    made(database)
    with pytest.raises(NotAllowed, match="has no token") as told:
        changes(database, current_actor(database))
    assert TOKEN_ENV in told.value.edit


def test_a_token_acts_by_its_name_and_role(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(database)
    monkeypatch.setenv(TOKEN_ENV, f" {made(database, 'ben', Role.APPROVER).text}\n")
    actor = current_actor(database)
    assert (actor.name, actor.via, actor.role) == ("ben", "token", Role.APPROVER)
    changes(database, actor, Permission.APPROVE)
    with database.reading() as connection:
        last = connection.execute(select(audit).order_by(audit.c.sequence.desc()).limit(1)).one()
    assert (last.actor, last.via) == ("ben", "token")


@pytest.mark.parametrize("role", Role)
def test_each_role_may_what_its_row_says_and_nothing_else(
    role: Role, file_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(file_database)
    monkeypatch.setenv(TOKEN_ENV, made(file_database, "ben", role).text)
    actor = current_actor(file_database)
    for permission in Permission:
        if permission in PERMITTED[role]:
            changes(file_database, actor, permission)
        else:
            with pytest.raises(NotAllowed, match=f"has the role {role.value}"):
                changes(file_database, actor, permission)


def test_the_first_token_has_to_be_an_admins(file_database: Database) -> None:
    with pytest.raises(ConfigError, match="first token has to be an admin's"):
        made(file_database, role=Role.AUTHOR)
    assert list_tokens(file_database) == []


def test_after_the_first_only_an_admin_makes_tokens(
    file_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(file_database)
    with pytest.raises(NotAllowed, match="has no token"):
        create_token(file_database, SYSTEM, "ben", Role.ADMIN, expiry("1d"))
    monkeypatch.setenv(TOKEN_ENV, made(file_database, "ben", Role.APPROVER).text)
    with pytest.raises(NotAllowed, match="to administer takes one of: admin"):
        create_token(file_database, current_actor(file_database), "eve", Role.ADMIN, expiry("1d"))


def test_a_token_that_is_revoked_after_the_actor_was_made_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, author = made(database), made(database, "ben", Role.AUTHOR)
    monkeypatch.setenv(TOKEN_ENV, author.text)
    actor = current_actor(database)
    changes(database, actor)
    ann = Actor("ann", "token", Role.ADMIN, admin.token.id)
    assert revoke_token(database, ann, "ben", "left").state == "revoked"
    with pytest.raises(NotAllowed, match="token of ben was revoked"):
        changes(database, actor)
    with pytest.raises(NotAllowed, match="token of ben was revoked"):
        current_actor(database)


def test_a_token_that_ran_out_after_the_actor_was_made_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(database)
    monkeypatch.setenv(TOKEN_ENV, made(database, "ben", Role.AUTHOR).text)
    actor = current_actor(database)
    with database.working() as connection:
        connection.execute(update(tokens).where(tokens.c.name == "ben").values(expires_at=BEFORE))
    with pytest.raises(NotAllowed, match="token of ben expired at 2000"):
        changes(database, actor)
    with pytest.raises(NotAllowed, match="token of ben expired at 2000"):
        current_actor(database)


def test_a_role_that_was_made_less_since_counts(
    file_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(file_database)
    monkeypatch.setenv(TOKEN_ENV, made(file_database, "ben", Role.AUTHOR).text)
    actor = current_actor(file_database)
    with file_database.working() as connection:
        connection.execute(update(tokens).where(tokens.c.name == "ben").values(role="viewer"))
    with pytest.raises(NotAllowed, match="has the role viewer"):
        changes(file_database, actor)


def test_another_secret_behind_a_known_public_part_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = made(database)
    forged = new.text[:-1] + ("b" if new.text[-1] == "a" else "a")
    monkeypatch.setenv(TOKEN_ENV, forged)
    with pytest.raises(NotAllowed, match="another secret") as told:
        current_actor(database)
    assert forged[-43:] not in str(told.value)


@pytest.mark.parametrize("text", ["hunter2", "taxiway_short_secret", "taxiway_" + "\u0661" * 60])
def test_what_is_no_token_is_refused_without_being_quoted(
    text: str, file_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_ENV, text)
    with pytest.raises(NotAllowed, match="holds no token") as told:
        current_actor(file_database)
    assert text not in str(told.value)


def test_a_token_of_another_registry_is_refused(
    file_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_ENV, f"taxiway_{'a' * 12}_{'b' * 43}")
    with pytest.raises(NotAllowed, match="knows no token aaaaaaaaaaaa"):
        current_actor(file_database)


def test_nothing_but_what_is_shown_once_holds_the_secret(
    file_database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    new = made(file_database)
    monkeypatch.setenv(TOKEN_ENV, new.text)
    actor = current_actor(file_database)
    changes(file_database, actor)
    match = PATTERN.fullmatch(new.text)
    assert match is not None
    secret = match[2]
    file_database.engine.dispose()  # what is in the write-ahead log is then in the file
    kept = b"".join(path.read_bytes() for path in _files(file_database))
    assert new.token.id.encode() in kept
    shown = repr(new) + repr(actor) + repr(list_tokens(file_database)) + caplog.text
    assert new.token.id in shown
    assert secret.encode() not in kept
    assert secret not in shown


def _files(database: Database) -> list[Path]:
    return [path for path in Path(database.place).parent.rglob("*") if path.is_file()]


def test_the_secret_is_kept_as_argon2id(database: Database) -> None:
    made(database)
    with database.reading() as connection:
        stored = connection.execute(select(tokens.c.secret_hash)).scalar_one()
    assert stored.startswith("$argon2id$")


def test_argon2_runs_once_for_a_token_of_this_process(
    file_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_ENV, made(file_database).text)
    calls: list[str] = []
    matches = module._matches

    def counted(secret_hash: str, secret: str) -> bool:
        calls.append(secret_hash)
        return matches(secret_hash, secret)

    monkeypatch.setattr(module, "_matches", counted)
    for _ in range(3):
        current_actor(file_database)
    assert len(calls) == 1
    with file_database.working() as connection:  # it is another secret's now
        connection.execute(update(tokens).values(secret_hash=module._hash("another")))
    with pytest.raises(NotAllowed, match="another secret"):
        current_actor(file_database)


def test_the_last_usable_token_of_an_admin_stays(file_database: Database) -> None:
    first = made(file_database)
    ann = Actor("ann", "token", Role.ADMIN, first.token.id)
    with pytest.raises(NotAllowed, match="only token of an admin"):
        revoke_token(file_database, ann, first.token.id)
    second = made(file_database, "ben")
    revoke_token(file_database, ann, first.token.id)
    assert [one.state for one in list_tokens(file_database)] == ["revoked", "usable"]
    assert second.token.id != first.token.id


def test_where_no_admins_token_is_usable_the_systems_user_makes_one_and_the_audit_says_why(
    file_database: Database,
) -> None:
    made(file_database)
    with file_database.working() as connection:
        connection.execute(update(tokens).values(expires_at=BEFORE))
    with pytest.raises(NotAllowed):
        changes(file_database, SYSTEM)
    with pytest.raises(ConfigError, match="has to be an admin's"):
        create_token(file_database, SYSTEM, "ben", Role.APPROVER, expiry("1d"))
    create_token(file_database, SYSTEM, "ben", Role.ADMIN, expiry("1d"))
    with file_database.reading() as connection:
        last = connection.execute(select(audit).order_by(audit.c.sequence.desc()).limit(1)).one()
    assert (last.action, last.via) == ("token.created", "system")
    assert last.reason == "no admin's token was usable"


def test_a_name_that_two_tokens_have_is_not_enough_to_revoke_one(file_database: Database) -> None:
    first = made(file_database)
    ann = Actor("ann", "token", Role.ADMIN, first.token.id)
    old, new = (made(file_database, "ben", Role.AUTHOR).token.id for _ in range(2))
    with pytest.raises(ConfigError, match=f"ben has 2 usable tokens: {old}, {new}"):
        revoke_token(file_database, ann, "ben")
    revoke_token(file_database, ann, old)
    assert revoke_token(file_database, ann, "ben").id == new
    with pytest.raises(ConfigError, match="did you mean"):
        revoke_token(file_database, ann, old[:-1])


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "a\x00", "\udc80", "a" * 101, "-a", "a/b"])
def test_a_name_that_could_be_read_as_something_else_is_refused(
    name: str, file_database: Database
) -> None:
    with pytest.raises(ConfigError, match="received the name"):
        made(file_database, name)


@pytest.mark.parametrize("name", ["ann", "ann@example.com", "Åsa", "李", "ci.bot-2"])
def test_names_of_people_and_of_machines_are_taken(name: str, database: Database) -> None:
    made(database, name)
    assert [one.name for one in list_tokens(database)] == [name]


@pytest.mark.parametrize(
    ("text", "days"), [("24h", 1), ("1d", 1), ("30d", 30), ("2w", 14), ("3660d", 3660)]
)
def test_a_duration_is_hours_days_or_weeks(text: str, days: int) -> None:
    ends, begins = (
        datetime.fromisoformat(one.replace("Z", "+00:00")) for one in (expiry(text), now())
    )
    assert round((ends - begins).total_seconds() / 86400, 3) == days


@pytest.mark.parametrize(
    "text", ["", "0d", "30", "d", "-1d", "3661d", "99999w", "1y", "1.5d", "٣d"]
)
def test_a_duration_that_is_none_or_too_long_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected hours, days or weeks"):
        expiry(text)


def test_a_token_is_found_by_the_pattern_in_any_text(file_database: Database) -> None:
    text = made(file_database).text
    assert re.findall(PATTERN.pattern, f'export TOKEN="{text}"; echo') == [
        tuple(text.removeprefix("taxiway_").split("_"))
    ]
