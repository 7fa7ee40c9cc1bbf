"""Sends what the outbox holds, oldest first, each message at least once.

A message is taken in one transaction, sent outside of any, and closed in another. Whoever takes it
holds it for LEASE_SECONDS, so that two who drain at once do not both send it. One that is killed
after sending and before it could say so leaves a message that is sent again, under the same key.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from taxiway.errors import TaxiwayError
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import outbox, written
from taxiway.registry.outbox.messages import (
    GIVEN_UP,
    SENDING,
    SENT,
    WAITING,
    OutboxMessage,
    message_of_row,
)
from taxiway.registry.outbox.senders import ReceiverAway, Sender
from taxiway.terminal import one_line

BACKOFF_SECONDS: Final = (10, 30, 120, 600, 1800, 3600, 7200, 14400, 28800)
"""From each try to the next: a restart is over in the first of them, an outage in the last."""
TRIES: Final = len(BACKOFF_SECONDS) + 1
PATIENCE_SECONDS: Final = 2 * 86400.0
"""No message is given up sooner: a sweep of short runs has tried ten times within minutes."""
LEASE_SECONDS: Final = 120.0
"""Above what a sender takes; one that takes longer is at worst sent by another too."""
ERROR_LENGTH: Final = 1000


@dataclass(frozen=True)
class Drained:
    """What became of the messages: `taken` is `sent` + `failed` + `given_up`."""

    taken: int = 0
    sent: int = 0
    failed: int = 0
    """To be tried again."""
    given_up: int = 0
    left: int = 0
    """Not taken: not yet due, someone else is at it, or beyond the limits. Those that were given
    up before are not among them."""


def drain(
    database: Database,
    senders: Mapping[str, Sender],
    limit: int = 1000,
    clock: Callable[[], float] = time.time,
    *,
    early: bool = False,
    target: Mapping[str, Any] | None = None,
    seconds: float = math.inf,
) -> Drained:
    """Sends what is due; a message that cannot be sent holds up none to another target after it,
    and none to the same one, unless its sender says that it is away.

    Args:
      database: the registry.
      senders: by kind of message; those of other kinds stay.
      limit: how many messages at most.
      clock: seconds since the epoch; tests bring their own.
      early: also what failed and is not due yet. For who comes seldom, such as the end of a run.
      target: only messages to this one.
      seconds: no other message is begun after that many.
    """
    asked: ColumnElement[bool] = outbox.c.kind.in_(senders)
    if target is not None:
        asked = and_(asked, outbox.c.target == dict(target))
    wanted = asked
    drained, last, began = Drained(), 0, clock()
    while drained.taken < limit and clock() - began <= seconds:
        message = _take(database, and_(wanted, outbox.c.id > last), clock(), early)
        if message is None:
            break
        last = message.id
        error, is_away = _try(senders[message.kind], message)
        if is_away:
            wanted = and_(wanted, outbox.c.target != dict(message.target))
        state = _close(database, message, error, clock())
        drained = replace(
            drained,
            taken=drained.taken + 1,
            sent=drained.sent + (state == SENT),
            failed=drained.failed + (state == WAITING),
            given_up=drained.given_up + (state == GIVEN_UP),
        )
    query = select(func.count()).where(asked, outbox.c.state.in_((WAITING, SENDING)))
    with database.reading() as connection:
        unsent = int(connection.execute(query).scalar_one())
    return replace(drained, left=max(0, unsent - drained.failed))


def retry_given_up(database: Database, kind: str = "") -> int:
    """Has what was given up tried anew, with as many tries as at first; how many there were.

    Args:
      database: the registry.
      kind: of message; empty means any.
    """
    given_up = update(outbox).where(outbox.c.state == GIVEN_UP)
    if kind:
        given_up = given_up.where(outbox.c.kind == kind)
    with database.working() as connection:
        return connection.execute(given_up.values(state=WAITING, tries=0, next_try=0.0)).rowcount


def _take(
    database: Database, wanted: ColumnElement[bool], now: float, early: bool
) -> OutboxMessage | None:
    """The oldest message that may be sent now, held by this process from here on."""
    due = outbox.c.next_try <= now
    waiting = outbox.c.state == WAITING
    lapsed = and_(outbox.c.state == SENDING, due)
    free = or_(waiting if early else and_(waiting, due), lapsed)
    query = select(outbox).where(wanted, free).order_by(outbox.c.id).limit(1)
    with database.working() as connection:
        row = connection.execute(query).one_or_none()
        if row is None:
            return None
        values = {"state": SENDING, "tries": row.tries + 1, "next_try": now + LEASE_SECONDS}
        connection.execute(update(outbox).where(outbox.c.id == row.id).values(values))
        return replace(message_of_row(row), **values)


def _try(send: Sender, message: OutboxMessage) -> tuple[str, bool]:
    """Why a message could not be sent, in a line, and whether its receiver is away; empty where
    it was sent."""
    away = False
    try:
        send(message.target, message.payload)
    except TaxiwayError as error:
        text = f"{error.message} (edit: {error.edit})" if error.edit else error.message
        away = isinstance(error, ReceiverAway)
    except OSError as error:
        text = str(error)
    except Exception as error:  # of unknown kind, so that its text may quote an address
        text = type(error).__name__
    else:
        return "", False
    return one_line(text)[:ERROR_LENGTH], away


def _close(database: Database, message: OutboxMessage, error: str, now: float) -> str:
    """Writes down how a try went, and gives the message's state from here on."""
    where = outbox.c.id == message.id
    values: dict[str, Any]
    if not error:
        values = {"state": SENT, "error": "", "sent_at": written(now)}
    else:
        # Whoever has taken it since, the lease having run out, says how it goes on.
        where = and_(where, outbox.c.state == SENDING, outbox.c.tries == message.tries)
        values = {"state": WAITING, "error": error, "next_try": now + _backoff(message.tries)}
        if message.tries >= TRIES and message.created_at <= written(now - PATIENCE_SECONDS):
            values["state"] = GIVEN_UP
    with database.working() as connection:
        connection.execute(update(outbox).where(where).values(values))
    return str(values["state"])


def _backoff(tries: int) -> float:
    return BACKOFF_SECONDS[min(tries, len(BACKOFF_SECONDS)) - 1]
