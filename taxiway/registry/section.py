"""The config's `registry` section: the database, and what is decided with it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, TypeAdapter

from taxiway.registry.approval.policy import Approval, NoApproval
from taxiway.registry.database.connection import (
    MySqlConnection,
    PostgreSqlConnection,
    RegistryConnection,
    SqliteConnection,
)
from taxiway.registry.signing.kinds import NoSigning, Signing
from taxiway.registry.versions import Versioning
from taxiway.registry.versions.semantic import SemanticVersioning
from taxiway.section import Seconds

Environment = Annotated[str, Field(pattern=r"^([a-z][a-z0-9]*(-[a-z0-9]+)*)?$", max_length=63)]
"""A name such as staging; empty where there is one environment only."""


AliasName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*([-_][a-z0-9]+)*$", max_length=63)]


class RegistrySettings(RegistryConnection):
    """What every kind of database has beside its address."""

    lease_seconds: Seconds = 300.0
    """How long a deployer holds what it took from the queue before another may take it."""
    versioning: Versioning = SemanticVersioning(kind="semantic")
    """When a push is a new version, and what its number is."""
    environment: Environment = ""
    """Where what is pushed serves, such as production; an overlay in configs/environments/ says."""
    protected_aliases: tuple[AliasName, ...] = ("champion",)
    """Aliases that mean approved versions only, and that only approvers move."""
    approval: Approval = NoApproval(kind="none")
    """What a version needs before it serves. The registry keeps it for the model and environment
    with the first version; another one is refused until `taxiway models policy --accept`."""
    store: str = ""
    """Model store, which the Pusher fills where a version has to be approved: a folder or gs://...;
    empty means `<output.root>/models/<model.name>`."""
    signing: Signing = NoSigning(kind="none")
    """By which key what is pushed is signed; a policy can ask for it: `checks: [signature]`."""
    guards: str = ""
    """Filled in when the config is loaded: `push.destination`, which no other policy may fill."""


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


def is_here(settings: Registry) -> bool:
    """Whether nodes can open it: on Vertex AI, where all is in a bucket, there is none."""
    return not (isinstance(settings, SqliteRegistry) and "://" in settings.path)
