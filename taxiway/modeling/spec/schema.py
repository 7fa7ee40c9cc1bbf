"""What the curated schema says, for those who ask before a run, or while one is wired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from taxiway.errors import ConfigError, did_you_mean
from taxiway.modeling.spec import FeatureSpec
from taxiway.modeling.spec.derive import derive_problem

KEY: Final = "data.schema_file"
SHOWN_NAMES: Final = 20
"""Columns that a message lists."""
NUMBERS: Final = ("INT", "FLOAT")
TEXT: Final = "BYTES"
TEXT_HINT: Final = (
    "; a category that is a number can be written as text (type: BYTES), or cut by Bucketized"
)


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


def check_spec(spec: FeatureSpec, schema: Any, spec_file: str, schema_file: str) -> None:
    """Refuses a FeatureSpec that names what the schema does not have, or has as another type.

    Args:
      spec: of the model.
      schema: the curated one.
      spec_file: where the FeatureSpec is, for the message.
      schema_file: where the schema is.

    Raises:
      ConfigError: with every role that does not fit.
    """
    kinds = feature_kinds(schema)
    hints = {"Categorical": TEXT_HINT, "label": spec.task.hint}
    problems = []
    for role, name, wanted in _roles(spec):
        kind = kinds.get(name)
        if kind is None:
            near = did_you_mean(name, kinds) or f" (it has {listed(kinds)})"
            problems.append(f"{role} '{name}': the schema has no such feature{near}")
        elif kind not in wanted:
            hint = hints.get(role, "")
            problems.append(
                f"{role} '{name}': the schema says {kind}, expected {' or '.join(wanted)}{hint}"
            )
    if spec.task.derive:
        problem = derive_problem(spec.label, spec.task.derive, kinds)
        problems += [problem] if problem else []
    if problems:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        raise ConfigError(
            f"{spec_file} does not fit {schema_file}:\n{lines}",
            edit=f"{spec_file} or {schema_file}",
        )


def listed(names: Collection[str]) -> str:
    """Columns that are there, for a message; not more than a few lines of them."""
    every = [f"'{name[:80]}'" for name in names]
    more = f" and {len(every) - SHOWN_NAMES} more" if len(every) > SHOWN_NAMES else ""
    return f"{', '.join(every[:SHOWN_NAMES])}{more}" or "none"


def _roles(spec: FeatureSpec) -> list[tuple[str, str, tuple[str, ...]]]:
    """What each name is for, and the types that are good for it."""
    any_kind = (*NUMBERS, TEXT)
    return [
        ("label", spec.label, spec.task.label_kinds),
        *([("weight", spec.weight, NUMBERS)] if spec.weight else []),
        *([("key", spec.key, (TEXT,))] if spec.key else []),
        *(
            (type(column).__name__, name, column.kinds)
            for column in spec.columns
            for name in column.sources
        ),
        *(("slices", name, any_kind) for name in spec.slices),
    ]
