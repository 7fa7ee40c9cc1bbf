"""Messages: what is to leave for another system, one row each; drain.py beside it sends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, func, insert, select, update

from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import now, outbox

WAITING: Final = "waiting"
SENDING: Final = "sending"
"""Someone is at it, until `next_try` at most: whoever holds it longer has died."""
SENT: Final = "sent"
GIVEN_UP: Final = "given_up"
UNSENT: Final = (WAITING, SENDING, GIVEN_UP)


@dataclass(frozen=True)
class OutboxMessage:
    """One message to one other system."""

    id: int
    kind: str
    """Who takes it: a name in SENDERS."""
    key: str
    """The message's own id: a receiver that is sent it twice knows it by this."""
    target: Mapping[str, Any]
    """The config section that says where to, without secrets."""
    payload: Mapping[str, Any]
    state: str
    tries: int
    error: str
    """Of the last try; empty where there was none, or where it went well."""
    next_try: float
    """Seconds since the epoch."""
    created_at: str
    sent_at: str


def post(
    connection: Connection,
    kind: str,
    key: str,
    target: Mapping[str, Any],
    payload: Mapping[str, Any],
) -> bool:
    """Puts a message into the outbox; False where one of this kind and key is in it already.

    Args:
      connection: of a transaction that writes (see database/session.py); where that is rolled
        back, nothing is sent.
      kind: a name in SENDERS.
      key: the message's own id.
      target: where to, without secrets.
      payload: the message.
    """
    same = select(outbox.c.id).where(outbox.c.kind == kind, outbox.c.key == key)
    if connection.execute(same).first() is not None:
        return False
    values = {"kind": kind, "key": key, "target": dict(target), "payload": dict(payload)}
    connection.execute(insert(outbox).values(**values, created_at=now()))
    return True


def release(connection: Connection, kind: str, key: str) -> None:
    """Lets a message be taken at once, though its lease runs on: whoever took it is dead.

    Args:
      connection: of a transaction that writes.
      kind: of the message.
      key: of the message.
    """
    held = and_(outbox.c.kind == kind, outbox.c.key == key, outbox.c.state == SENDING)
    connection.execute(update(outbox).where(held).values(state=WAITING, next_try=0.0))


def list_messages(
    database: Database,
    states: tuple[str, ...] = UNSENT,
    key_prefix: str = "",
    limit: int | None = None,
) -> list[OutboxMessage]:
    """The newest messages in some states, oldest first.

    Args:
      database: the registry.
      states: those wanted.
      key_prefix: only messages whose key begins so.
      limit: how many at most; None means all.
    """
    query = select(outbox).where(outbox.c.state.in_(states)).order_by(outbox.c.id.desc())
    if key_prefix:
        query = query.where(outbox.c.key.startswith(key_prefix, autoescape=True))
    with database.reading() as connection:
        return [message_of_row(row) for row in connection.execute(query.limit(limit))][::-1]


def counts(database: Database) -> dict[str, int]:
    """How many messages are in each state."""
    query = select(outbox.c.state, func.count()).group_by(outbox.c.state)
    with database.reading() as connection:
        found = {state: int(number) for state, number in connection.execute(query)}
    return {state: found.get(state, 0) for state in (WAITING, SENDING, SENT, GIVEN_UP)}


def message_of_row(row: Row[Any]) -> OutboxMessage:
    """A message from a row of `outbox`."""
    return OutboxMessage(**row._mapping)
