"""The whole plan for a data set: label, key, weight, roles, what is left out, and slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from taxiway.arrow.ingest.rows.cells import Kind
from taxiway.errors import ConfigError, DataError, did_you_mean
from taxiway.scaffold.model.columns.derived import made_of
from taxiway.scaffold.model.columns.profile import Profile
from taxiway.scaffold.model.plan.leaks import leak
from taxiway.scaffold.model.plan.names import is_key_name
from taxiway.scaffold.model.plan.roles import LeftOut, Role, role_of
from taxiway.scaffold.model.plan.task import Label, TaskName, choose_label, rare_classes

LEAST_ROWS: Final = 20
MOST_SLICES: Final = 2
SLICE_VALUES: Final = 10
KEY_REPEATS: Final = 0.1
"""Share of rows whose key an earlier row may have, where its name says that it is one."""


@dataclass(frozen=True)
class Wishes:
    """What the user said; empty where it is to be found out."""

    label: str = ""
    task: TaskName | None = None
    key: str = ""
    weight: str = ""
    derive: str = ""
    """An expression that makes the label."""


@dataclass(frozen=True)
class Plan:
    """What becomes of every column."""

    label: Label
    key: Profile | None
    key_reason: str
    weight: Profile | None
    roles: tuple[Role, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    derive: str = ""

    @property
    def slices(self) -> tuple[str, ...]:
        """Categories by which the evaluation looks, with few values each."""
        few = [one.column for one in self.roles if one.is_category]
        few = [one for one in few if one.distinct <= SLICE_VALUES]
        return tuple(one.name for one in few[:MOST_SLICES])

    def kind_of(self, column: Profile) -> Kind:
        """The type that the schema has for a column."""
        as_text = [self.key.name] if self.key is not None else []
        if not column.type_found:  # in CSV any cell is text, and need not be more
            needed = made_of(self.derive)
            names = (one.column.name for one in self.left_out)
            as_text += [name for name in names if name not in needed]
        return "BYTES" if column.name in as_text else column.kind


def make_plan(columns: Sequence[Profile], arrays: Mapping[str, Any], wishes: Wishes) -> Plan:
    """Decides, from what was found.

    Args:
      columns: every column, in the order of the data.
      arrays: their values, after repair.
      wishes: what the user said.

    Raises:
      ConfigError: a wish names no column, or one that cannot be what it is to be.
      DataError: there are too few rows, or nothing is left to learn from.
    """
    rows = columns[0].rows if columns else 0
    if rows < LEAST_ROWS:
        raise DataError(
            f"the data has {rows} rows, expected {LEAST_ROWS} at least",
            edit="--data",
        )
    key, key_reason = _key(columns, wishes)
    weight = _named("--weight", columns, wishes.weight)
    if weight is not None and (not weight.is_number or weight.missing or weight.quantiles[0] < 0):
        raise DataError(
            f"--weight: '{weight.name}' is no number from 0 on in every row", edit="--weight"
        )
    apart = {one.name for one in (key, weight) if one}
    label = choose_label(
        [column for column in columns if column.name not in apart], wishes.label, wishes.task
    )
    roles: list[Role] = []
    left_out: list[LeftOut] = []
    for column in columns:
        if column.name in apart or column.name == label.column.name:
            continue
        if column.name in made_of(wishes.derive):
            left_out.append(LeftOut(column, "the label is made of it"))
            continue
        found = role_of(column)
        told = leak(label, arrays[label.column.name], column, arrays[column.name])
        if isinstance(found, Role) and told:
            found = LeftOut(column, told)
        if isinstance(found, Role):
            roles.append(found)
        else:
            left_out.append(found)
    if not roles:
        told = "\n".join(f"  - '{one.column.name}': {one.reason}" for one in left_out)
        told = told or f"  - there is none beside '{label.column.name}'"
        raise DataError(f"no column is left to learn from:\n{told}", edit="--data or --label")
    notes = _notes(label, rows, key)
    return Plan(label, key, key_reason, weight, tuple(roles), tuple(left_out), notes, wishes.derive)


def _named(option: str, columns: Sequence[Profile], name: str) -> Profile | None:
    names = [column.name for column in columns]
    if not name:
        return None
    if name not in names:
        raise ConfigError(
            f"{option}: the data has no column '{name}'{did_you_mean(name, names)} "
            f"(columns: {', '.join(names)})",
            edit=option,
        )
    return columns[names.index(name)]


def _key(columns: Sequence[Profile], wishes: Wishes) -> tuple[Profile | None, str]:
    named = _named("--key", columns, wishes.key)
    if named is not None:
        if named.missing:
            raise DataError(
                f"--key: '{named.name}' is missing in {named.missing} rows, expected it in all",
                edit="--key",
            )
        return named, "as --key says"
    for column in columns:
        if column.name == wishes.label or column.missing or column.what not in ("int", "text"):
            continue
        # In Parquet a number cannot be read as the text that a key is.
        is_usable = column.what == "text" or not column.type_found
        repeats = 1 - column.distinct / column.rows
        if is_key_name(column.name) and is_usable and repeats <= KEY_REPEATS:
            told = (
                f", though {repeats:.1%} of rows have one that an earlier row has"
                if repeats
                else ""
            )
            return column, f"its name, and another value in each row{told}"
    return None, "no column names rows: made from a row's content and its place"


def _notes(label: Label, rows: int, key: Profile | None) -> tuple[str, ...]:
    notes = []
    if label.column.missing:
        notes.append(
            f"{label.column.missing} rows have no '{label.column.name}': they are left out"
        )
    rare = rare_classes(label)
    if rare:
        told = ", ".join(f"{value!r} in {count}" for value, count in rare[:5])
        notes.append(
            f"few rows of {'a class' if len(rare) == 1 else 'some classes'} ({told}): what is "
            "measured of them says little, and a split may be without them"
        )
    if rows < 1000:
        notes.append(f"{rows} rows: metrics of the eval split are rough")
    if key is not None and key.distinct < key.rows:
        notes.append(f"{key.rows - key.distinct} rows have a '{key.name}' that an earlier row has")
    return tuple(notes)
