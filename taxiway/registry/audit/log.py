"""The audit as people read it: entries by subject, actor, action and time, newest first."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, or_, select

from taxiway.registry.database.tables import audit

_TEXTS: Final = ("at", "actor", "via", "host", "action", "subject", "reason", "hash")


@dataclass(frozen=True)
class Query:
    """Which entries are asked for; what is empty is not asked about.

    Args:
      subject: `flights/1.2.7`; `flights` is all that is of it, `token` all tokens.
      actor: who.
      action: `version.registered`; `version` is all that was done to versions.
      since: as the registry writes times.
      limit: at most so many, the newest.
      before: only entries with a smaller number; 0 for no bound.
    """

    subject: str = ""
    actor: str = ""
    action: str = ""
    since: str = ""
    limit: int = 50
    before: int = 0


@dataclass(frozen=True)
class Entry:
    """One change."""

    sequence: int
    at: str
    actor: str
    via: str
    host: str
    action: str
    subject: str
    before: Any
    after: Any
    reason: str
    hash: str

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def read_log(connection: Connection, query: Query) -> list[Entry]:
    """The newest entries that are asked for, newest first."""
    wanted = select(audit).where(*_conditions(query))
    rows = connection.execute(wanted.order_by(audit.c.sequence.desc()).limit(query.limit))
    return [
        Entry(
            sequence=row.sequence,
            before=_plain(row.before),
            after=_plain(row.after),
            **{name: getattr(row, name) for name in _TEXTS},
        )
        for row in rows
    ]


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    subject, action = audit.c.subject, audit.c.action
    found = []
    if query.subject:
        below = [subject.startswith(query.subject + mark, autoescape=True) for mark in "/@:"]
        found.append(or_(subject == query.subject, *below))
    if query.action:
        below = [action.startswith(f"{query.action}.", autoescape=True)]
        found.append(or_(action == query.action, *below))
    if query.actor:
        found.append(audit.c.actor == query.actor)
    if query.since:
        found.append(audit.c.at >= query.since)
    if query.before:
        found.append(audit.c.sequence < query.before)
    return found


def _plain(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # it was tampered with, and is shown as it is
        return text
