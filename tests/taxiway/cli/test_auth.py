"""`taxiway auth token`: how people get tokens, and that nothing prints one but its making."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from taxiway.registry.auth.token_env import TOKEN_ENV
from taxiway.registry.auth.tokens import PATTERN
from tests.conftest import TINY, CommandLine, Finished

Call = Callable[..., Finished]


@pytest.fixture
def token(here: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs `taxiway auth token ...` on a registry of its own."""
    monkeypatch.delenv(TOKEN_ENV, raising=False)

    def call(*arguments: str) -> Finished:
        return here("auth", "token", *arguments, "-c", TINY, "-s", f"output.root={tmp_path}")

    return call


def test_the_first_token_is_printed_alone_and_what_it_means_beside_it(token: Call) -> None:
    done = token("create", "--name", "ann", "--role", "admin")
    assert PATTERN.fullmatch(done.out.strip())
    assert "not shown again" in done.err
    assert "from now on every change takes a token" in done.err
    assert done.out.strip() not in done.err


def test_from_the_first_token_on_changes_take_one(
    token: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = token("create", "--name", "ann", "--role", "admin").out.strip()
    refused = token("create", "--name", "ben", "--role", "approver")
    assert refused.code == 1
    assert "has no token" in refused.err
    assert f"edit: {TOKEN_ENV}" in refused.err
    monkeypatch.setenv(TOKEN_ENV, admin)
    assert token("create", "--name", "ben", "--role", "approver", "--expires", "12h").code == 0


def test_the_first_token_of_another_role_is_refused_with_what_to_type(token: Call) -> None:
    done = token("create", "--name", "ann", "--role", "author")
    assert (done.code, done.out) == (2, "")
    assert "edit: --role admin" in done.err


def test_a_list_and_a_revocation_name_tokens_and_show_no_secret(
    token: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = json.loads(token("create", "--name", "ann", "--role", "admin", "--json").out)
    monkeypatch.setenv(TOKEN_ENV, made["token"])
    other = token("create", "--name", "ben", "--role", "author").out.strip()
    revoked = token("revoke", "ben", "--reason", "left")
    assert "author token of ben, is revoked" in revoked.out
    listed = token("list")
    rows = json.loads(token("list", "--json").out)
    assert [(row["name"], row["role"], row["state"]) for row in rows] == [
        ("ann", "admin", "usable"),
        ("ben", "author", "revoked"),
    ]
    shown = revoked.out + listed.out + json.dumps(rows) + revoked.err + listed.err
    for text in (made["token"], other):
        match = PATTERN.fullmatch(text)
        assert match is not None
        assert match[1] in shown
        assert match[2] not in shown


def test_without_tokens_a_list_says_who_may(token: Call) -> None:
    assert "the operating system's user may change everything" in token("list").out
    assert json.loads(token("list", "--json").out) == []
