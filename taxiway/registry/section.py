"""The config's `registry` section: the database, and what is decided with it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, TypeAdapter

from taxiway.registry.database.connection import (
    MySqlConnection,
    PostgreSqlConnection,
    RegistryConnection,
    SqliteConnection,
)
from taxiway.registry.versions import Versioning
from taxiway.registry.versions.semantic import SemanticVersioning
from taxiway.section import Seconds


class RegistrySettings(RegistryConnection):
    """What every kind of database has beside its address."""

    lease_seconds: Seconds = 300.0
    """How long a deployer holds what it took from the queue before another may take it."""
    versioning: Versioning = SemanticVersioning(kind="semantic")
    """When a push is a new version, and what its number is."""


class SqliteRegistry(RegistrySettings, SqliteConnection):
    """The registry in one file of this machine."""


class MySqlRegistry(RegistrySettings, MySqlConnection):
    """The registry on MySQL or MariaDB."""


class PostgreSqlRegistry(RegistrySettings, PostgreSqlConnection):
    """The registry on PostgreSQL."""


Registry = Annotated[
    SqliteRegistry | MySqlRegistry | PostgreSqlRegistry, Field(discriminator="kind")
]
"""The `registry` section: every kind of database."""


def parse_registry(text: str) -> Registry:
    """The registry section of a config, from JSON; components take it as a parameter."""
    parsed: Registry = TypeAdapter(Registry).validate_json(text)
    return parsed
