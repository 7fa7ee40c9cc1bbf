"""What the curated schema says, for those who ask before a run, or while one is wired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from taxiway.errors import ConfigError

KEY = "data.schema_file"


def read_schema(path: str) -> Any:
    """The TFMD schema in a text file, here or in a bucket; TensorFlow is loaded for a bucket only.

    Raises:
      ConfigError: the file cannot be read, is no schema, or has a feature twice.
    """
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    try:
        schema = text_format.Parse(_content(path).decode(), schema_pb2.Schema())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TFMD schema: {error}", edit=path) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error}", edit=KEY) from None
    twice = [
        name for name, count in Counter(one.name for one in schema.feature).items() if count > 1
    ]
    if twice:
        raise ConfigError(
            f"{path}: the feature '{twice[0]}' is there more than once",
            edit=f"{path}: remove all but one",
        )
    return schema


def feature_kinds(schema: Any) -> Mapping[str, str]:
    """The type of each feature by name: INT, FLOAT, BYTES, or one that no tf.Example has."""
    from tensorflow_metadata.proto.v0 import schema_pb2

    return {one.name: schema_pb2.FeatureType.Name(one.type) for one in schema.feature}


def largest_domain(schema: Any) -> int:
    """How many values the longest list of allowed strings has; 0 where there is none."""
    domains = [*schema.string_domain, *(one.string_domain for one in schema.feature)]
    return max((len(domain.value) for domain in domains), default=0)


def _content(path: str) -> bytes:
    if "://" not in path:
        return Path(path).read_bytes()
    import tensorflow as tf

    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            return bytes(file.read())
    except tf.errors.OpError as error:
        raise OSError(error.message) from error
