"""The audit's chain: each entry's hash covers the entry and the hash of the one before it."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from taxiway.errors import ConfigError
from taxiway.registry.auth.actor import Actor
from taxiway.registry.database.tables import NAME, audit, audit_head, canonical, now

GENESIS: Final = "0" * 64
"""Stands for the hash before the first entry."""
HASHED: Final = (
    *("sequence", "at", "actor", "via", "host", "action", "subject"),
    *("before", "after", "reason", "previous_hash"),
)
"""Columns that an entry's hash covers, in this order."""
LONGEST_REASON: Final = 100_000
"""Characters."""
LONGEST_VALUE: Final = 1_000_000
"""Characters of `before` and `after`: MariaDB's packets hold 16 MB."""
_NAMES: Final = ("actor", "via", "host", "action", "subject")


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
    """Writes the next entry; the transaction holds the head already (see database/session.py).

    Every database gives back exactly what it took, for the hash is of what was handed over: what
    one of them would cut or refuse is refused on all.

    Args:
      connection: of the change.
      actor: who changes something.
      action: such as `version.registered`.
      subject: what is changed.
      before: plain values.
      after: plain values.
      reason: any text; NUL and bytes that are no text are kept as escapes, `\\x00` and `\\udc80`.

    Raises:
      ConfigError: a name or a text is too long, or a name holds what is no text.
    """
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
        "reason": _escaped(reason),
        "previous_hash": head.hash,
    }
    _check(entry)
    entry["hash"] = entry_hash(entry)
    connection.execute(insert(audit).values(entry))
    connection.execute(update(audit_head).values(sequence=entry["sequence"], hash=entry["hash"]))


def _escaped(text: str) -> str:
    return text.replace("\x00", "\\x00").encode(errors="backslashreplace").decode()


def _check(entry: Mapping[str, Any]) -> None:
    for name in _NAMES:
        text = entry[name]
        if len(text) > NAME:
            raise ConfigError(
                f"the audit's {name} has {len(text):,} characters, and {NAME} at most are kept: "
                f"{text[:80]}...",
            )
        if _escaped(text) != text:
            raise ConfigError(f"the audit's {name} holds what is no text: {_escaped(text)}")
    most = {"reason": LONGEST_REASON, "before": LONGEST_VALUE, "after": LONGEST_VALUE}
    for name, length in most.items():
        if len(entry[name]) > length:
            raise ConfigError(
                f"the audit's {name} of {entry['action']} {entry['subject']} has "
                f"{len(entry[name]):,} characters, and {length:,} at most are kept"
            )
