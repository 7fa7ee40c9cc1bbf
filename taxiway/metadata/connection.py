"""How ML Metadata is reached: one function a kind of store."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ml_metadata import MetadataStore, proto
from ml_metadata.proto import metadata_store_pb2
from pydantic import TypeAdapter

from taxiway.config.metadata import (
    GrpcMetadata,
    Metadata,
    MySqlMetadata,
    PostgreSqlMetadata,
    ServerMetadata,
    SqliteMetadata,
)
from taxiway.errors import ConfigError


def parse_metadata(text: str) -> Metadata:
    """The metadata section of a config, from JSON."""
    parsed: Metadata = TypeAdapter(Metadata).validate_json(text)
    return parsed


def connection_config(metadata: Metadata) -> Any:
    """The MLMD connection that the config names; holds the password, so it is never logged.

    Raises:
      ConfigError: the variable with the password is not set.
    """
    return CONNECTIONS[metadata.kind](metadata)


def open_store(metadata: Metadata) -> MetadataStore:
    """A connection to the store, whose folder is made; close it by dropping it."""
    if isinstance(metadata, SqliteMetadata):
        Path(metadata.path).parent.mkdir(parents=True, exist_ok=True)
    return MetadataStore(connection_config(metadata))


def _sqlite(metadata: SqliteMetadata) -> Any:
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = metadata.path
    config.sqlite.connection_mode = proto.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return config


def _mysql(metadata: MySqlMetadata) -> Any:
    config = metadata_store_pb2.ConnectionConfig()
    config.mysql.host = metadata.host
    config.mysql.port = metadata.port
    config.mysql.database = metadata.database
    config.mysql.user = metadata.user
    config.mysql.password = _password(metadata)
    return config


def _postgresql(metadata: PostgreSqlMetadata) -> Any:
    config = metadata_store_pb2.ConnectionConfig()
    config.postgresql.host = metadata.host
    config.postgresql.port = str(metadata.port)
    config.postgresql.dbname = metadata.database
    config.postgresql.user = metadata.user
    # MLMD's client puts it into a connection string as it is, where a space would end it.
    quoted = _password(metadata).replace("\\", "\\\\").replace("'", "\\'")
    config.postgresql.password = f"'{quoted}'"
    return config


def _grpc(metadata: GrpcMetadata) -> Any:
    config = metadata_store_pb2.MetadataStoreClientConfig()
    config.host = metadata.host
    config.port = metadata.port
    return config


def _password(metadata: ServerMetadata) -> str:
    if not metadata.password_env:
        return ""
    try:
        return os.environ[metadata.password_env]
    except KeyError:
        raise ConfigError(
            f"the environment has no {metadata.password_env}, which holds the password of "
            f"{metadata.user} at {metadata.host}",
            edit="metadata.password_env (empty where no password is asked for)",
        ) from None


CONNECTIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "sqlite": _sqlite,
    "mysql": _mysql,
    "postgresql": _postgresql,
    "grpc": _grpc,
}
