"""A fresh registry on each kind of database, with real servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from taxiway.registry.auth.actor import Actor, Role
from taxiway.registry.database.connection import PASSWORD_ENV
from taxiway.registry.database.session import Database
from taxiway.registry.section import Registry, SqliteRegistry
from tests.databases import PASSWORD, Server

KINDS = ("sqlite", "mariadb", "postgresql")
ANN = Actor("ann", "system", Role.ADMIN)


@pytest.fixture
def sections(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Registry]:
    """The `registry` section of a fresh database of a kind; two calls give two databases."""

    def section(kind: str) -> Registry:
        if kind == "sqlite":
            place = tmp_path / f"registries-{len(list(tmp_path.iterdir()))}"
            return SqliteRegistry(kind="sqlite", path=str(place / "registry.sqlite"))
        monkeypatch.setenv(PASSWORD_ENV, PASSWORD)
        server: Server = request.getfixturevalue(kind)
        return server.registry()

    return section


@pytest.fixture(params=KINDS)
def database(
    request: pytest.FixtureRequest, sections: Callable[[str], Registry]
) -> Iterator[Database]:
    """A fresh registry: the test runs on SQLite, MariaDB and PostgreSQL."""
    opened = Database(sections(request.param))
    yield opened
    opened.close()


@pytest.fixture
def file_database(sections: Callable[[str], Registry]) -> Iterator[Database]:
    """A fresh registry on SQLite only."""
    opened = Database(sections("sqlite"))
    yield opened
    opened.close()
