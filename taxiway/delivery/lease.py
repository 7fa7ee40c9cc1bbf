"""A lease: of those that want to do a thing, one does it, and another once that one is gone."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Connection, delete, insert, select

from taxiway.registry.database.tables import leases


def take_lease(
    connection: Connection,
    name: str,
    holder: str,
    seconds: float,
    clock: Callable[[], float] = time.time,
) -> bool:
    """Takes or renews a lease, in a transaction that writes; whether it is the holder's now.

    Args:
      name: of what only one does at a time.
      holder: who asks; the same one may ask as often as it likes.
      seconds: for how long, from now.
      clock: seconds since the epoch.
    """
    held = connection.execute(select(leases).where(leases.c.name == name)).one_or_none()
    if held is not None and held.holder != holder and held.until > clock():
        return False
    give_lease_back(connection, name, held.holder if held is not None else holder)
    values = {"name": name, "holder": holder, "until": clock() + seconds}
    connection.execute(insert(leases).values(values))
    return True


def is_held_by_another(
    connection: Connection, name: str, holder: str, clock: Callable[[], float] = time.time
) -> bool:
    """Whether someone else has a lease now, so that taking it would be in vain; it only reads.

    Args:
      name: as of `take_lease`.
      holder: who asks.
      clock: seconds since the epoch.
    """
    held = connection.execute(select(leases).where(leases.c.name == name)).one_or_none()
    return held is not None and held.holder != holder and held.until > clock()


def give_lease_back(connection: Connection, name: str, holder: str) -> None:
    """Ends a lease, if it is the holder's."""
    of = leases.c
    connection.execute(delete(leases).where(of.name == name, of.holder == holder))
