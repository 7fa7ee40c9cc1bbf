"""A registry with tokens, for tests of who may do what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from taxiway.registry.auth import tokens as registry_tokens
from taxiway.registry.auth.actor import Actor, Role
from taxiway.registry.auth.token_env import TOKEN_ENV
from taxiway.registry.auth.tokens import create_token, expiry, list_tokens
from taxiway.registry.database.session import Database
from taxiway.registry.section import SqliteRegistry

Token = Callable[..., str]


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A fresh one on SQLite."""
    monkeypatch.delenv(TOKEN_ENV, raising=False)
    opened = Database(SqliteRegistry(kind="sqlite", path=str(tmp_path / "registry.sqlite")))
    yield opened
    opened.close()


@pytest.fixture
def token(registry: Database, monkeypatch: pytest.MonkeyPatch) -> Token:
    """Makes a token: `token("ben", Role.DEPLOYER)`; an admin's is made first, for ann.

    Its hash costs little, since tests make many.
    """
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(registry_tokens, "_hash", cheap.hash)

    def make(name: str = "ann", role: Role = Role.ADMIN, expires: str = "") -> str:
        system = Actor("root", "system", Role.ADMIN)
        admins = [one for one in list_tokens(registry) if one.role == "admin"]
        if not admins and role is not Role.ADMIN:
            create_token(registry, system, "ann", Role.ADMIN, expiry("30d"))
            admins = list_tokens(registry)
        actor = Actor("ann", "token", Role.ADMIN, admins[0].id) if admins else system
        return create_token(registry, actor, name, role, expires or expiry("30d")).text

    return make
