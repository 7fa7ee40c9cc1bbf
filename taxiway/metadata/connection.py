"""How ML Metadata is reached: one class per `metadata.kind`.

A new one is a class with a `kind`, its own keys and `connection`, and its name in `Metadata` below.
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, TypeAdapter

from taxiway.process.password import password_of
from taxiway.section import Frozen, Port

PASSWORD_ENV = "TAXIWAY_METADATA_PASSWORD"  # noqa: S105  # the variable's name

_UNLIMITED: Final = -1
"""To gRPC."""


class MetadataConnection(Frozen):
    """Base of all kinds. ML Metadata itself is imported when a connection is made, not before."""

    PATIENCE_SECONDS: ClassVar[float] = 60.0
    """How long a server may be away in the middle of a run."""

    @abstractmethod
    def connection(self) -> Any:
        """MLMD's own connection config; it holds the password, so it is never logged.

        Raises:
          ConfigError: the variable with the password is not set.
        """


class SqliteMetadata(MetadataConnection):
    """ML Metadata in one file; one run at a time."""

    PATIENCE_SECONDS: ClassVar[float] = 10.0
    kind: Literal["sqlite"]
    path: str = ""
    """Database file; empty means `<output.root>/metadata.sqlite`."""
    wait_seconds: Annotated[float, Field(ge=0, le=1e6)] = 3600.0
    """How long a run waits for another run on the same store before it gives up."""

    def connection(self) -> Any:
        """A file that is made, with its folder, where it is missing."""
        from ml_metadata import proto

        Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        config = proto.ConnectionConfig()
        config.sqlite.filename_uri = self.path
        config.sqlite.connection_mode = proto.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        return config


class ServerMetadata(MetadataConnection):
    """ML Metadata on a database server; a password is a secret and stays in the environment."""

    host: Annotated[str, Field(min_length=1)]
    """Name or address of the server."""
    database: Annotated[str, Field(min_length=1)] = "taxiway"
    """Made when it does not exist, where the user may."""
    user: Annotated[str, Field(min_length=1)] = "taxiway"
    """Who owns the tables."""
    password_env: Annotated[str, Field(pattern=r"^([A-Z_][A-Z0-9_]*)?$")] = PASSWORD_ENV
    """Environment variable that holds the password, or with _FILE behind it names a file that does;
    empty means that none is asked for."""

    def password(self) -> str:
        """From the environment.

        Raises:
          ConfigError: the variable is not set.
        """
        return password_of(self.password_env, f"{self.user} at {self.host}", "metadata")


class MySqlMetadata(ServerMetadata):
    """MySQL or MariaDB."""

    kind: Literal["mysql"]
    port: Port = 3306
    """Port of the server."""

    def connection(self) -> Any:
        """By mysql_native_password, the only one that MLMD's client speaks."""
        from ml_metadata import proto

        config = proto.ConnectionConfig()
        config.mysql.host = self.host
        config.mysql.port = self.port
        config.mysql.database = self.database
        config.mysql.user = self.user
        config.mysql.password = self.password()
        return config


class PostgreSqlMetadata(ServerMetadata):
    """PostgreSQL."""

    kind: Literal["postgresql"]
    port: Port = 5432
    """Port of the server."""

    def connection(self) -> Any:
        """MLMD's client puts the password into a connection string, where a space would end it."""
        from ml_metadata import proto

        config = proto.ConnectionConfig()
        config.postgresql.host = self.host
        config.postgresql.port = str(self.port)
        config.postgresql.dbname = self.database
        config.postgresql.user = self.user
        quoted = self.password().replace("\\", "\\\\").replace("'", "\\'")
        config.postgresql.password = f"'{quoted}'"
        return config


class GrpcMetadata(MetadataConnection):
    """A gRPC server of ML Metadata that you run yourself. Not Kubeflow's `metadata-grpc-service`:
    its tables are Kubeflow's own, and Kubeflow Pipelines 3 removes it."""

    kind: Literal["grpc"]
    host: Annotated[str, Field(min_length=1)]
    """Name or address of the server."""
    port: Port = 8080
    """Port of the server."""

    def connection(self) -> Any:
        """Without encryption, as MLMD's server has none by default."""
        from ml_metadata import proto

        config = proto.MetadataStoreClientConfig()
        config.host = self.host
        config.port = self.port
        # gRPC would take 4 MB, and lineage asks for all executions at once.
        config.channel_arguments.max_receive_message_length = _UNLIMITED
        return config


Metadata = Annotated[
    SqliteMetadata | MySqlMetadata | PostgreSqlMetadata | GrpcMetadata, Field(discriminator="kind")
]
"""The `metadata` section: every kind of store."""


def parse_metadata(text: str) -> Metadata:
    """The metadata section of a config, from JSON."""
    parsed: Metadata = TypeAdapter(Metadata).validate_json(text)
    return parsed
