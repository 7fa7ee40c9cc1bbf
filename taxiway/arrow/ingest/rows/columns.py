"""Which columns input files must have, by the curated schema, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from taxiway.arrow.ingest.rows.cells import ARROW_TYPES, Column, Kind, Role
from taxiway.errors import DataError, did_you_mean
from taxiway.modeling.spec.derive import Expression, derive_problem, parse
from taxiway.modeling.spec.schema import feature_kinds, listed, read_schema


@dataclass(frozen=True)
class Columns:
    """Columns of input files, and what is made of them."""

    read: tuple[Column, ...]
    """Of the files, in the order of the schema."""
    schema_file: str
    label: str
    key: str = ""
    """Names a row; empty where a row is known by its content and its place."""
    derived: Expression | None = None
    """What makes the label, where it is not read."""
    label_kind: Kind = "INT"

    @property
    def made(self) -> Column:
        """The derived label as a column."""
        return Column(self.label, self.label_kind, required=False)

    def role_of(self, name: str) -> str:
        """Such as `the label 'late'`, for messages."""
        roles = {self.label: "the label", self.key: "the key"}
        return f"{roles.get(name, 'column')} '{name}'"


def read_columns(
    schema_file: str, key: str, label: str, derive: str = "", weight: str = ""
) -> Columns:
    """The columns of a curated schema.

    Args:
      schema_file: the schema.
      key: a column of strings that every row has; empty where there is none.
      label: a column that rows may be without.
      derive: an expression that makes the label, which files then do not have.
      weight: a column of numbers from 0 on that every row has; empty where there is none.

    Raises:
      ConfigError: the schema cannot be read.
      DataError: it does not know one of them, has it as another type, or has a type that no example
        has.
    """
    schema = read_schema(schema_file)
    kinds = feature_kinds(schema)
    for name, kind in kinds.items():
        if kind not in ARROW_TYPES:
            raise DataError(
                f"{schema_file}: column '{name}' has type {kind}, expected one of "
                f"{', '.join(ARROW_TYPES)}",
                edit=schema_file,
            )
    roles: dict[str, tuple[str, tuple[str, ...]]] = {"label": (label, tuple(ARROW_TYPES))}
    if key:
        roles["key"] = (key, ("BYTES",))
    if weight:
        roles["weight"] = (weight, ("INT", "FLOAT"))
    for role, (name, wanted) in roles.items():
        if kinds.get(name) not in wanted:
            _refuse(schema_file, kinds, role, name, wanted)
    problem = derive_problem(label, derive, kinds) if derive else ""
    if problem:
        raise DataError(
            f"{schema_file}: {problem}",
            edit=f"{schema_file}, or derive in the model's FeatureSpec",
        )
    return Columns(
        read=tuple(
            _column(feature, kinds, key, label, weight)
            for feature in schema.feature
            if not (derive and feature.name == label)
        ),
        schema_file=schema_file,
        label=label,
        key=key,
        derived=parse(derive) if derive else None,
        label_kind=cast(Kind, kinds[label]),
    )


def _column(feature: Any, kinds: Mapping[str, str], key: str, label: str, weight: str) -> Column:
    roles: dict[str, Role] = {key: "key", weight: "weight", label: "label"}
    role = roles.get(feature.name, "feature")
    bounds: tuple[float | None, float | None] = (0 if role == "weight" else None, None)
    if role == "label" and feature.HasField("int_domain"):
        bounds = (feature.int_domain.min, feature.int_domain.max)
    always = feature.presence.min_fraction >= 1.0
    return Column(
        name=feature.name,
        kind=cast(Kind, kinds[feature.name]),
        required=role != "label" and (always or role != "feature"),
        low=bounds[0],
        high=bounds[1],
        role=role,
        many=role == "feature"
        and feature.WhichOneof("shape_type") == "value_count"
        and feature.value_count.max != 1,
    )


def _refuse(
    schema_file: str, kinds: Mapping[str, str], role: str, name: str, wanted: tuple[str, ...]
) -> NoReturn:
    of_type = " or ".join(wanted)
    if name in kinds:
        reason = f"has type {kinds[name]}, expected {of_type}"
    else:
        reason = (
            f"is no feature of it, expected one of type {of_type}{did_you_mean(name, kinds)} "
            f"(features: {listed(kinds)})"
        )
    raise DataError(
        f"{schema_file}: the {role} '{name}' {reason}",
        edit=f"{schema_file}, or {role} in the model's FeatureSpec",
    )
