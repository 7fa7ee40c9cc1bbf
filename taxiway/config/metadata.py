"""Where ML Metadata is kept: one class a kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from taxiway.config.section import Frozen, Port

PASSWORD_ENV = "TAXIWAY_METADATA_PASSWORD"  # noqa: S105  # the variable's name


class SqliteMetadata(Frozen):
    """ML Metadata in one file; one run at a time."""

    kind: Literal["sqlite"]
    path: str = ""
    """Database file; empty means `<output.root>/metadata.sqlite`."""
    wait_seconds: Annotated[float, Field(ge=0)] = 3600.0
    """How long a run waits for another run on the same store before it gives up."""


class ServerMetadata(Frozen):
    """ML Metadata on a database server; a password is a secret and stays in the environment."""

    host: Annotated[str, Field(min_length=1)]
    database: Annotated[str, Field(min_length=1)] = "taxiway"
    """Made when it does not exist, where the user may."""
    user: Annotated[str, Field(min_length=1)] = "taxiway"
    password_env: Annotated[str, Field(pattern=r"^([A-Z_][A-Z0-9_]*)?$")] = PASSWORD_ENV
    """Environment variable that holds the password; empty means that none is asked for."""


class MySqlMetadata(ServerMetadata):
    """MySQL or MariaDB."""

    kind: Literal["mysql"]
    port: Port = 3306


class PostgreSqlMetadata(ServerMetadata):
    """PostgreSQL."""

    kind: Literal["postgresql"]
    port: Port = 5432


class GrpcMetadata(Frozen):
    """A metadata server, such as the one of a Kubeflow installation."""

    kind: Literal["grpc"]
    host: Annotated[str, Field(min_length=1)]
    port: Port = 8080


Metadata = Annotated[
    SqliteMetadata | MySqlMetadata | PostgreSqlMetadata | GrpcMetadata, Field(discriminator="kind")
]
