"""What of every version can be filtered, sorted and shown: read in a few queries, as flat fields.

All versions are read and asked one by one, in Python: the same filter means the same on every kind
of database, and a registry of thousands is read in a part of a second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, or_, select, true

from taxiway.registry.database.tables import (
    aliases,
    deployments,
    model_versions,
    notes,
    tags,
    version_states,
)
from taxiway.registry.search.comparison import Value, natural
from taxiway.registry.search.text import folded

PLAIN: Final = (
    *("model", "version", "state", "alias", "serves", "author", "created_at", "style", "run"),
    *("archived", "digest", "place"),
)
"""Fields of every version; `serves` has the environments in which it serves."""
NESTED: Final = {
    "metrics": model_versions.c.metrics,
    "facts": model_versions.c.facts,
    "checks": model_versions.c.checks,
    "baseline": model_versions.c.baseline,
    "contract": model_versions.c.contract,
    "card": model_versions.c.card,
}
"""Fields with fields in them, such as `metrics.auc`; each is read where it is asked for."""
LARGE: Final = ("facts", "contract")
"""Of these, those with so much in them that only what is asked for is taken out."""
KNOWN: Final = (*PLAIN, "tags.", *(f"{name}." for name in NESTED))
"""All, as `Filter.check` takes them."""
ONLY_ENVIRONMENT: Final = "serving"
"""How `serves` calls the environment without a name."""
_READ: Final = (
    *("id", "model", "name", "author", "created_at", "style", "run_id", "archived"),
    *("model_digest", "pushed_to"),
)


Fields = Mapping[str, Value]
"""Values by name, flat."""


@dataclass(frozen=True)
class Entry:
    """A version as lists and searches have it.

    Args:
      fields: of it.
      text: what words are looked for in, folded; empty where no words are looked for.
    """

    fields: Fields
    text: str = ""


@dataclass(frozen=True)
class Query:
    """What to read.

    Args:
      environment: whose states are meant.
      fields: names that will be asked for, so that no more is read than needed.
      words: whether words will be looked for.
      model: of this one only.
      archived: whether archived ones are there too.
    """

    environment: str = ""
    fields: Collection[str] = ()
    words: bool = False
    model: str = ""
    archived: bool = False

    def asks_for(self, name: str) -> bool:
        """Whether a field, or one within it, is asked for."""
        return any(folded(field).split(".")[0] == name for field in self.fields)


def in_order(rows: Iterable[Fields], key: str) -> list[Fields]:
    """By a field, numbers as numbers; those without it come last; equal ones stay as they were.

    Args:
      rows: fields of each.
      key: a field; with a `-` before it the highest comes first.
    """
    name, descending = key.removeprefix("-"), key.startswith("-")
    there: list[Fields] = []
    missing: list[Fields] = []
    for row in rows:
        value = row.get(name)
        lacks = value is None or value != value  # NaN
        (missing if lacks else there).append(row)
    there.sort(key=lambda row: _rank(row[name]), reverse=descending)
    return there + missing


def read_entries(connection: Connection, query: Query) -> list[Entry]:
    """All versions, newest first, with the fields that are asked for."""
    nested = [name for name in NESTED if query.asks_for(name)]
    columns: list[Column[Any]] = [model_versions.c[name] for name in _READ]
    columns += [NESTED[name] for name in nested]
    if query.words:
        columns += [model_versions.c.search_text, *(() if "card" in nested else (NESTED["card"],))]
    rows = connection.execute(
        select(*columns).where(_shown(query)).order_by(model_versions.c.id.desc())
    )
    beside = _beside(connection, query)
    return [_entry(row, nested, query, beside) for row in rows]


@dataclass(frozen=True)
class _Beside:
    """What other tables have: by a version's id, or by its subject."""

    states: Mapping[int, str]
    aliases: Mapping[int, list[str]]
    serves: Mapping[str, list[str]]
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notes: Mapping[str, list[str]] = field(default_factory=dict)


def _beside(connection: Connection, query: Query) -> _Beside:
    """One query for each table, whatever the number of versions."""
    of = version_states.c
    states: Select[Any] = select(of.version_id, of.state).where(of.environment == query.environment)
    named = select(aliases.c.version_id, aliases.c.alias).order_by(aliases.c.alias)
    if query.model:
        named = named.where(aliases.c.model == query.model)
        states = states.join(model_versions, model_versions.c.id == of.version_id)
        states = states.where(model_versions.c.model == query.model)
    found: dict[int, list[str]] = defaultdict(list)
    for row in connection.execute(named):
        found[row.version_id].append(row.alias)
    return _Beside(
        {row.version_id: row.state for row in connection.execute(states)},
        found,
        serving(connection, query.model),
        _tags(connection, query) if query.words or query.asks_for("tags") else {},
        _notes(connection, query) if query.words else {},
    )


def serving(connection: Connection, model: str = "") -> dict[str, list[str]]:
    """By subject, such as `flights/1.2.7`, the environments in which a version serves now."""
    of = deployments.c
    query = select(of.model, of.version, of.environment).distinct()
    query = query.where(of.until == "", of.weight > 0)
    found: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(query.where(of.model == model) if model else query):
        found[f"{row.model}/{row.version}"].append(row.environment or ONLY_ENVIRONMENT)
    return {subject: sorted(environments) for subject, environments in found.items()}


def _tags(connection: Connection, query: Query) -> dict[str, dict[str, str]]:
    """Of models and versions, by subject."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    about = _about(tags.c.subject_kind, tags.c.subject, query.model)
    for row in connection.execute(select(tags.c.subject, tags.c.key, tags.c.value).where(about)):
        found[row.subject][row.key] = row.value
    return found


def _notes(connection: Connection, query: Query) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    about = _about(notes.c.subject_kind, notes.c.subject, query.model)
    for row in connection.execute(select(notes.c.subject, notes.c.text).where(about)):
        found[row.subject].append(row.text)
    return found


def _about(kind: Column[str], subject: Column[str], model: str) -> ColumnElement[bool]:
    """Of models and their versions; of one model, where one is meant."""
    known = kind.in_(("model", "version"))
    if not model:
        return known
    return known & or_(subject == model, subject.startswith(f"{model}/", autoescape=True))


def _shown(query: Query) -> ColumnElement[bool]:
    shown = true() if query.archived else model_versions.c.archived.is_(False)
    return shown & (model_versions.c.model == query.model) if query.model else shown


def _entry(row: Row[Any], nested: Sequence[str], query: Query, beside: _Beside) -> Entry:
    subject = f"{row.model}/{row.name}"
    own = {**beside.tags.get(row.model, {}), **beside.tags.get(subject, {})}
    fields: dict[str, Value] = {
        "model": row.model,
        "version": row.name,
        "state": beside.states.get(row.id),
        "alias": beside.aliases.get(row.id),
        "serves": beside.serves.get(subject),
        "author": row.author,
        "created_at": row.created_at,
        "style": row.style,
        "run": row.run_id,
        "archived": bool(row.archived),
        "digest": row.model_digest,
        "place": row.pushed_to,
        **{f"tags.{key}": value for key, value in own.items()},
    }
    for name in nested:
        asked = [folded(one) for one in query.fields] if name in LARGE else None
        _flatten(name, getattr(row, name), fields, asked)
    return Entry(fields, _text(row, subject, own, beside) if query.words else "")


def _text(row: Row[Any], subject: str, own: Mapping[str, str], beside: _Beside) -> str:
    """All words of a version; line ends part what does not belong together."""
    parts = [
        *(subject, row.author, row.run_id),
        *beside.aliases.get(row.id, ()),
        *own,
        *own.values(),
        *row.card.values(),
        *beside.notes.get(row.model, ()),
        *beside.notes.get(subject, ()),
    ]
    return "\n".join([*map(folded, parts), row.search_text])


def _flatten(
    name: str, value: Any, fields: dict[str, Value], asked: Collection[str] | None = None
) -> None:
    """Plain values into fields with dotted names; of a list, those that are text or number.

    Args:
      name: of the value.
      value: as JSON has it.
      fields: get what is found.
      asked: folded names, to go no other way than to them; None for all.
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            within = f"{name}.{key}"
            if asked is None or _leads_to(folded(within), asked):
                _flatten(within, inner, fields, asked)
    elif isinstance(value, list):
        fields[name] = [str(one) for one in value if not isinstance(one, (dict, list))]
    elif value is not None:
        fields[name] = value


def _leads_to(name: str, asked: Collection[str]) -> bool:
    return any(one == name or one.startswith(f"{name}.") for one in asked)


def _rank(value: Value) -> tuple[int, float, list[tuple[int, int, str]]]:
    """What sorts numbers before texts."""
    if isinstance(value, (bool, int, float)):
        return (0, float(value), [])
    text = value if isinstance(value, str) else ", ".join(value or ())
    return (1, 0.0, natural(folded(text)))
