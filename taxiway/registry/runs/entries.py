"""What of every run can be filtered, sorted and shown: read in a few queries, as flat fields.

All runs are read and asked one by one, in Python, as versions are (see catalog/entries.py). Of the
columns with JSON only those are read that are asked for, and of a config only the keys that are.
"""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Column, ColumnElement, Connection, Row, Text, select, type_coerce

from taxiway.registry.database.tables import notes, runs, tags
from taxiway.registry.search.comparison import Value
from taxiway.registry.search.text import folded

PLAIN: Final = (
    *("run", "pipeline", "model", "outcome", "started_at", "seconds", "version", "spans", "cost"),
    *("runner", "commit", "command", "failure", "folder"),
)
"""Fields of every run."""
KNOWN: Final = (*PLAIN, "metrics.", "params.", "tags.")
"""All, as `Filter.check` takes them."""
PARAMS: Final = "params."
NEWEST: Final = 50
"""Runs whose fields are told where a name is not known."""
_FACTS: Final = ("spans", "cost", "runner", "commit", "command")
"""Fields that are in the column `facts`."""
_READ: Final = (
    *("run_id", "pipeline", "model", "outcome", "started_at", "seconds", "version", "failure"),
    "folder",
)

_folded = functools.cache(folded)
"""Of a config's keys, which are the same in most runs."""

Fields = Mapping[str, Value]
"""Values by name, flat."""


@dataclass(frozen=True)
class Entry:
    """A run as lists and searches have it.

    Args:
      fields: of it.
      text: what words are looked for in, folded; empty where no words are looked for.
      slices: metrics by slice; empty where they are not asked for.
    """

    fields: Fields
    text: str = ""
    slices: Mapping[str, Mapping[str, float]] | None = None


@dataclass(frozen=True)
class Query:
    """What to read.

    Args:
      fields: names that will be asked for, so that no more is read than needed; `params` alone
        means all of them.
      words: whether words will be looked for.
      pipeline: of this one only; empty for all.
      slices: whether metrics by slice will be asked for.
    """

    fields: Collection[str] = ()
    words: bool = False
    pipeline: str = ""
    slices: bool = False

    def asks_for(self, name: str) -> bool:
        """Whether a field, or one within it, is asked for."""
        return any(folded(field).split(".")[0] == name for field in self.fields)


def read_entries(connection: Connection, query: Query) -> list[Entry]:
    """All runs, newest first, with the fields that are asked for."""
    columns: list[ColumnElement[Any]] = [runs.c[name] for name in _READ]
    columns += [_raw(runs.c[name]) for name in _nested(query)]
    if query.words:
        columns.append(runs.c.search_text)
    statement = select(*columns).order_by(runs.c.started_at.desc(), runs.c.run_id.desc())
    if query.pipeline:
        statement = statement.where(runs.c.pipeline == query.pipeline)
    rows = connection.execute(statement).all()
    tagged = _tags(connection) if query.words or query.asks_for("tags") else {}
    noted = _notes(connection) if query.words else {}
    wanted = _wanted(query)
    return [_entry(row, query, wanted, tagged, noted) for row in rows]


def known_fields(connection: Connection) -> list[str]:
    """Names of all fields that the newest runs have, for hints."""
    newest = select(runs.c.metrics, runs.c.params).order_by(runs.c.started_at.desc()).limit(NEWEST)
    found = dict.fromkeys(PLAIN)
    for row in connection.execute(newest):
        found |= dict.fromkeys(f"metrics.{name}" for name in row.metrics)
        found |= dict.fromkeys(f"params.{name}" for name in row.params)
    keys = select(tags.c.key).where(tags.c.subject_kind == "run").distinct()
    found |= dict.fromkeys(f"tags.{key}" for key in connection.execute(keys).scalars())
    return list(found)


def _nested(query: Query) -> list[str]:
    """Columns with JSON that are needed."""
    needed = {
        "facts": any(query.asks_for(name) for name in _FACTS),
        "metrics": query.asks_for("metrics"),
        "params": query.asks_for("params"),
        "slices": query.slices,
    }
    return [name for name, is_needed in needed.items() if is_needed]


def _raw(column: Column[Any]) -> ColumnElement[Any]:
    """Its text, which is read faster than the column's type does."""
    return type_coerce(column, Text).label(column.name)


def _wanted(query: Query) -> list[str] | None:
    """The config's keys that are asked for; None for all."""
    asked = list(dict.fromkeys(query.fields))
    if "params" in map(folded, asked):
        return None
    return [name[len(PARAMS) :] for name in asked if folded(name).startswith(PARAMS)]


def _chosen(params: Mapping[str, Any], wanted: Collection[str] | None) -> Mapping[str, Any]:
    """Those that are asked for, by the name as it is, else by one whose case differs."""
    if wanted is None:
        return params
    found = {name: params[name] for name in wanted if name in params}
    if len(found) < len(wanted):
        names = {_folded(name) for name in wanted if name not in params}
        found |= {name: value for name, value in params.items() if _folded(name) in names}
    return found


def _entry(
    row: Row[Any],
    query: Query,
    wanted: Collection[str] | None,
    tagged: Mapping[str, Mapping[str, str]],
    noted: Mapping[str, list[str]],
) -> Entry:
    have = row._mapping
    own = tagged.get(row.run_id, {})
    fields: dict[str, Value] = {
        "run": row.run_id,
        "pipeline": row.pipeline or None,
        "model": row.model or None,
        "outcome": row.outcome,
        "started_at": row.started_at or None,
        "seconds": row.seconds,
        "version": row.version or None,
        "failure": row.failure or None,
        "folder": row.folder,
    }
    if "facts" in have:
        facts = _plain(have["facts"])
        fields |= {name: _value(facts.get(name)) for name in _FACTS}
    if "metrics" in have:
        fields |= {f"metrics.{name}": value for name, value in _plain(have["metrics"]).items()}
    if "params" in have:
        for name, value in _chosen(_plain(have["params"]), wanted).items():
            fields[f"{PARAMS}{name}"] = _value(value)
    fields |= {f"tags.{key}": value for key, value in own.items()}
    slices = _plain(have["slices"]) if "slices" in have else None
    return Entry(fields, _text(row, own, noted) if query.words else "", slices)


def _text(row: Row[Any], own: Mapping[str, str], noted: Mapping[str, list[str]]) -> str:
    """All words of a run; line ends part what does not belong together."""
    written = (*own, *own.values(), *noted.get(row.run_id, ()))
    return "\n".join([row.search_text, *map(folded, written)])


def _plain(text: str) -> dict[str, Any]:
    """JSON, also that with numbers which are none, as Python writes them."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = json.loads(text)
    return found if isinstance(found, dict) else {}


def _value(value: Any) -> Value:
    """As filters compare it: a list as texts, or as one text where it has lists in it."""
    if value is None or isinstance(value, str | int | float):
        return value if value != "" else None
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        return [str(one) for one in value]
    return json.dumps(value, ensure_ascii=False)


def _tags(connection: Connection) -> dict[str, dict[str, str]]:
    """By run."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    query = select(tags.c.subject, tags.c.key, tags.c.value).where(tags.c.subject_kind == "run")
    for row in connection.execute(query):
        found[row.subject][row.key] = row.value
    return found


def _notes(connection: Connection) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    query = select(notes.c.subject, notes.c.text).where(notes.c.subject_kind == "run")
    for row in connection.execute(query):
        found[row.subject].append(row.text)
    return found
