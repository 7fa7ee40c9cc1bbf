"""Decisions and rewards as Arrow tables: a row for each row that was asked about.

The model's columns stand under their own names, in the types of its signature where that is known;
the log's own begin with `_taxiway_`, and outputs with `_taxiway_output_`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, Final

import orjson
import pyarrow as pa

from taxiway.modeling.names import LOGGED
from taxiway.serving.decisions.record import Decision, Reward

if sys.version_info < (3, 11):
    import pyarrow_hotfix  # noqa: F401  # its import is what it does; see taxiway/arrow/ingest

REQUEST_ID: Final = f"{LOGGED}request_id"
ROW: Final = f"{LOGGED}row"
TIME: Final = f"{LOGGED}time"
KEY: Final = f"{LOGGED}key"
POLICY: Final = f"{LOGGED}policy"
FALLBACK: Final = f"{LOGGED}fallback"
REWARD: Final = f"{LOGGED}reward"
NAME: Final = f"{LOGGED}name"
GATEWAY: Final = f"{LOGGED}gateway"
SEQUENCE: Final = f"{LOGGED}sequence"
REVISION: Final = f"{LOGGED}revision"
VERSION: Final = f"{LOGGED}version"
CHOSEN: Final = f"{LOGGED}chosen_arm"
PROPENSITY: Final = f"{LOGGED}propensity"
LATENCY: Final = f"{LOGGED}latency_ms"
OUTPUT: Final = f"{LOGGED}output_"
EXAMPLE: Final = f"{LOGGED}example"
MOST_COLUMNS: Final = 1_000
"""That no signature names, of one file: those of tf.Examples may be anything."""
_UTC: Final = pa.timestamp("us", "UTC")

_OWN: Final[dict[str, tuple[Any, Callable[[Decision], Any]]]] = {
    "request_id": (pa.string(), attrgetter("request_id")),
    "time": (_UTC, attrgetter("time_us")),
    "model": (pa.string(), attrgetter("model")),
    "policy": (pa.string(), attrgetter("policy")),
    "version": (pa.string(), attrgetter("version")),
    "number": (pa.int64(), attrgetter("number")),
    "arm": (pa.string(), attrgetter("arm")),
    "chosen_arm": (pa.string(), attrgetter("chosen")),
    "fallback": (pa.bool_(), attrgetter("fallback")),
    "propensity": (pa.float64(), attrgetter("propensity")),
    "propensities": (pa.string(), lambda one: _json(one.propensities)),
    "experiment": (pa.int64(), attrgetter("experiment")),
    "revision": (pa.int64(), attrgetter("revision")),
    "latency_ms": (pa.float64(), lambda one: one.latency * 1e3),
    "key": (pa.string(), attrgetter("key")),
    "protocol": (pa.string(), attrgetter("protocol")),
    "sequence": (pa.int64(), attrgetter("sequence")),
}
"""Of the log, the same for each row of a request."""

_TYPES: Final = {
    "float16": pa.float64(),  # no digit of a request is lost
    "float32": pa.float64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "string": pa.string(),
} | {f"{sign}int{bits}": pa.int64() for sign in ("", "u") for bits in (8, 16, 32, 64)}


def decisions_table(
    decisions: Sequence[Decision], gateway: str, types: Mapping[str, str], keep: Sequence[list[int]]
) -> Any:
    """The rows of decisions of one model.

    Args:
      decisions: of the model, in order.
      gateway: that logged them.
      types: TensorFlow's names of the types of the model's columns; all of these are there.
      keep: which rows of each decision.
    """
    sizes = [len(rows) for rows in keep]
    columns = {}
    asked = [one.columns or {} for one in decisions]
    for name in _names(decisions, types):
        values = _cells([one.get(name) for one in asked], keep)
        columns[name] = _array(values, _TYPES.get(types.get(name, "")))
    for name in dict.fromkeys(name for one in decisions for name in one.outputs):
        columns[OUTPUT + name] = _array(_cells([one.outputs.get(name) for one in decisions], keep))
    for name, (kind, of) in _OWN.items():
        cells = zip(map(of, decisions), sizes, strict=True)
        values = [cell for cell, size in cells for _ in range(size)]
        columns[LOGGED + name] = pa.array(values, kind)
    columns[ROW] = pa.array([row for rows in keep for row in rows], pa.int32())
    columns[f"{LOGGED}gateway"] = pa.array([gateway] * sum(sizes), pa.string())
    if any(one.examples for one in decisions):
        values = _cells([one.examples for one in decisions], keep)
        columns[EXAMPLE] = pa.array(values, pa.binary())
    return pa.table(columns)


def rewards_table(rewards: Sequence[Reward], gateway: str) -> Any:
    """A row for each reward."""
    return pa.table(
        {
            REQUEST_ID: pa.array([one.request_id or None for one in rewards], pa.string()),
            KEY: pa.array([one.key or None for one in rewards], pa.string()),
            REWARD: pa.array([one.value for one in rewards], pa.float64()),
            NAME: pa.array([one.name for one in rewards], pa.string()),
            TIME: pa.array([one.time_us for one in rewards], _UTC),
            GATEWAY: pa.array([gateway] * len(rewards), pa.string()),
            SEQUENCE: pa.array([one.sequence for one in rewards], pa.int64()),
        }
    )


def one_table(tables: Sequence[Any]) -> Any:
    """Rows of files whose columns differ: what a file has not is missing, numbers are widened."""
    types: dict[str, Any] = {}
    for table in tables:
        for field in table.schema:
            known = types.get(field.name)
            types[field.name] = field.type if known is None else _wider(known, field.type)
    schema = pa.schema(list(types.items()))
    return pa.concat_tables([schema.empty_table(), *(_as(table, schema) for table in tables)])


def _as(table: Any, schema: Any) -> Any:
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in table.schema.names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _wider(one: Any, other: Any) -> Any:
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    number = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    if all(any(is_one(kind) for is_one in number) for kind in (one, other)):
        return pa.float64()
    return pa.string()


def _names(decisions: Sequence[Decision], types: Mapping[str, str]) -> list[str]:
    """The signature's first, then others as they come; none of ours, whatever a client says."""
    names = dict.fromkeys(types)
    others: dict[str, None] = {}
    for one in decisions:
        if one.columns and not one.columns.keys() <= others.keys():
            others |= dict.fromkeys(one.columns)
    kept = [one for one in others if one not in names and not one.startswith(LOGGED)]
    return [*names, *kept[:MOST_COLUMNS]]


def _cells(columns: list[Any], keep: Sequence[list[int]]) -> list[Any]:
    cells: list[Any] = []
    if None not in columns and list(map(len, columns)) == list(map(len, keep)):  # nearly always
        return list(chain.from_iterable(columns))
    for values, rows in zip(columns, keep, strict=True):
        if values is None:
            cells += [None] * len(rows)
        else:
            cells += [values[row] if row < len(values) else None for row in rows]
    return cells


def _array(values: list[Any], kind: Any = None) -> Any:
    """A column; where cells do not go together, each as its text."""
    if kind is not None and list in set(map(type, values)):
        kind = pa.list_(kind)
    for wanted in (kind, None) if kind is not None else (None,):
        try:
            return pa.array(values, wanted)
        except (pa.ArrowException, OverflowError, ValueError, TypeError):
            continue
    return pa.array([None if one is None else _text(one) for one in values], pa.string())


def _json(propensities: Mapping[str, float]) -> str | None:
    """By version, as an object of JSON; None where they are not known."""
    return orjson.dumps(propensities).decode() if propensities else None


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
