"""What a metadata store cannot hold, known before the first node rather than found by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from taxiway.errors import ConfigError
from taxiway.metadata.connection import Metadata, PostgreSqlMetadata
from taxiway.runners.nodes.ir import CompiledNode

POSTGRESQL_BYTES: Final = 2600
"""MLMD indexes each string whole, and PostgreSQL indexes no more than 2704 bytes of a row."""


def check_storable(nodes: Sequence[CompiledNode], metadata: Metadata) -> None:
    """Refuses parameters that MLMD's PostgreSQL client cannot write.

    It quotes a string with a backslash wrongly, and cannot store a long one.

    Raises:
      ConfigError: names the first node and parameter.
    """
    if not isinstance(metadata, PostgreSqlMetadata):
        return
    for node in nodes:
        for name, value in node.pipeline_node.parameters.parameters.items():
            text = value.field_value.string_value
            size = len(text.encode())
            if size <= POSTGRESQL_BYTES and "\\" not in text:
                continue
            why = "a backslash" if size <= POSTGRESQL_BYTES else f"{size:,} bytes"
            raise ConfigError(
                f"ML Metadata cannot keep the parameter '{name}' of {node.id} on PostgreSQL: "
                f"it has {why}, and its client stores up to {POSTGRESQL_BYTES:,} bytes without any",
                edit="metadata.kind: mysql (MySQL with mysql_native_password, or MariaDB)",
            )
