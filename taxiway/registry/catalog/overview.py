"""Every model on one line: its newest version, its aliases, what serves, how many versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from taxiway.registry.catalog.entries import serving
from taxiway.registry.database.tables import aliases, model_versions, version_states


@dataclass(frozen=True)
class ModelLine:
    """A model.

    Args:
      model: its name.
      versions: how many it has.
      archived: how many more are archived.
      newest: name of the newest that is not archived; empty where all are.
      created_at: when that was registered.
      author: by whom.
      state: of that in the environment; None where it was never put before it.
      aliases: names of versions by alias.
      serves: by environment, the name of the version that serves there.
    """

    model: str
    versions: int
    archived: int
    newest: str
    created_at: str
    author: str
    state: str | None
    aliases: Mapping[str, str]
    serves: Mapping[str, str]


def list_models(connection: Connection, environment: str = "") -> list[ModelLine]:
    """All models, by name, in four queries.

    Args:
      connection: the registry.
      environment: whose states are meant.
    """
    of, state = model_versions.c, version_states.c
    counts = (
        select(of.model, of.archived, func.count().label("number"), func.max(of.id).label("newest"))
        .group_by(of.model, of.archived)
        .subquery()
    )
    put = and_(state.version_id == counts.c.newest, state.environment == environment)
    columns = (of.name, of.created_at, of.author, state.state)
    rows = connection.execute(
        select(counts.c.model, counts.c.archived, counts.c.number, *columns)
        .join(model_versions, of.id == counts.c.newest)
        .outerjoin(version_states, put)
        .order_by(counts.c.model)
    ).all()
    here = {row.model: row for row in rows if not row.archived}
    away = {row.model: row.number for row in rows if row.archived}
    named, serves = aliases_by_model(connection), _serves(connection)
    return [
        _line(model, here.get(model), away.get(model, 0), named[model], serves[model])
        for model in dict.fromkeys(row.model for row in rows)
    ]


def _line(
    model: str,
    newest: Row[Any] | None,
    archived: int,
    named: Mapping[str, str],
    serves: Mapping[str, str],
) -> ModelLine:
    if newest is None:
        return ModelLine(model, 0, archived, "", "", "", None, named, serves)
    about = (newest.name, newest.created_at, newest.author, newest.state)
    return ModelLine(model, newest.number, archived, *about, named, serves)


def aliases_by_model(connection: Connection) -> defaultdict[str, dict[str, str]]:
    """By model, the versions by alias."""
    of = aliases.c
    query = select(of.model, of.alias, model_versions.c.name).order_by(of.alias)
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for row in connection.execute(query.join(model_versions)):
        found[row.model][row.alias] = row.name
    return found


def _serves(connection: Connection) -> defaultdict[str, dict[str, str]]:
    """By model, the versions by environment."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for subject, environments in serving(connection).items():
        model, _, name = subject.partition("/")
        for environment in environments:
            found[model][environment] = name
    return found
