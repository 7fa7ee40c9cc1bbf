"""The audit's chain: each entry's hash covers the entry and the hash of the one before it."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from taxiway.registry.auth.actor import Actor
from taxiway.registry.database.tables import audit, audit_head, canonical, now

GENESIS: Final = "0" * 64
"""Stands for the hash before the first entry."""
HASHED: Final = (
    *("sequence", "at", "actor", "via", "host", "action", "subject"),
    *("before", "after", "reason", "previous_hash"),
)
"""Columns that an entry's hash covers, in this order."""


def entry_hash(entry: Mapping[str, Any]) -> str:
    """sha256 over an entry's columns as canonical JSON."""
    return hashlib.sha256(canonical([entry[name] for name in HASHED]).encode()).hexdigest()


def append(
    connection: Connection,
    actor: Actor,
    action: str,
    subject: str,
    before: Any,
    after: Any,
    reason: str,
) -> None:
    """Writes the next entry; the transaction holds the head already (see database/session.py)."""
    head = connection.execute(select(audit_head).with_for_update()).one()
    entry: dict[str, Any] = {
        "sequence": head.sequence + 1,
        "at": now(),
        "actor": actor.name,
        "via": actor.via,
        "host": socket.gethostname(),
        "action": action,
        "subject": subject,
        "before": canonical(before),
        "after": canonical(after),
        "reason": reason,
        "previous_hash": head.hash,
    }
    entry["hash"] = entry_hash(entry)
    connection.execute(insert(audit).values(entry))
    connection.execute(update(audit_head).values(sequence=entry["sequence"], hash=entry["hash"]))
