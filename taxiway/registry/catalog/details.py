"""All that is known of one version, gathered from every table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, select

from taxiway.registry.approval.states import Decision, State, decisions_of, states_of
from taxiway.registry.catalog.aliases import aliases_of
from taxiway.registry.catalog.cards import card_gaps
from taxiway.registry.catalog.labels import Note, Subject, notes_of, tags_of
from taxiway.registry.database.tables import deployments, runs
from taxiway.registry.versions.records import ModelVersion


@dataclass(frozen=True)
class Served:
    """A time in which the version served; `until` is empty while it does."""

    environment: str
    since: str
    until: str
    place: str
    action: str
    queued_by: str
    deployed_by: str
    reason: str
    weight: float
    """Percent of the traffic."""


@dataclass(frozen=True)
class Details:
    """A version, and what stands about it in other tables.

    Args:
      version: the record.
      states: by environment.
      decisions: on it, oldest first.
      aliases: by alias, whether it is protected.
      tags: its own.
      model_tags: its model's.
      notes: on it, oldest first.
      served: when it served, newest first.
      run: what the index of runs has of its run; empty where it has nothing.
    """

    version: ModelVersion
    states: Mapping[str, State]
    decisions: Sequence[Decision]
    aliases: Mapping[str, bool]
    tags: Mapping[str, str]
    model_tags: Mapping[str, str]
    notes: Sequence[Note]
    served: Sequence[Served]
    run: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        version = self.version
        return {
            "version": version.subject,
            "name": version.name,
            **asdict(version.candidate),
            "created_at": version.created_at,
            "author": version.author,
            "style": version.style,
            "number": list(version.number),
            "reasons": dict(version.reasons),
            "archived": version.archived,
            "card": dict(version.card),
            "card_gaps": card_gaps(version),
            "states": {name: asdict(state) for name, state in self.states.items()},
            "decisions": [asdict(decision) for decision in self.decisions],
            "aliases": list(self.aliases),
            "protected_aliases": [name for name, kept in self.aliases.items() if kept],
            "tags": dict(self.tags),
            "model_tags": dict(self.model_tags),
            "notes": [asdict(note) for note in self.notes],
            "served": [asdict(one) for one in self.served],
            "run": dict(self.run),
        }


def read_details(connection: Connection, version: ModelVersion) -> Details:
    """One query for each table."""
    return Details(
        version=version,
        states=states_of(connection, version),
        decisions=decisions_of(connection, version),
        aliases=aliases_of(connection, version),
        tags=tags_of(connection, Subject("version", version.subject)),
        model_tags=tags_of(connection, Subject("model", version.candidate.model)),
        notes=notes_of(connection, Subject("version", version.subject)),
        served=_served(connection, version),
        run=_run(connection, version),
    )


def _served(connection: Connection, version: ModelVersion) -> list[Served]:
    of = deployments.c
    mine = (of.model == version.candidate.model) & (of.version == version.name)
    columns = [of[name] for name in Served.__dataclass_fields__]
    rows = connection.execute(select(*columns).where(mine).order_by(of.id.desc()))
    return [Served(**row._mapping) for row in rows]


def _run(connection: Connection, version: ModelVersion) -> dict[str, Any]:
    of = runs.c
    columns = (of.pipeline, of.outcome, of.started_at, of.seconds, of.folder, of.facts)
    query = select(*columns).where(of.run_id == version.candidate.run_id)
    row = connection.execute(query).one_or_none()
    return {} if row is None else dict(row._mapping)
