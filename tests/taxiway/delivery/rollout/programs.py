"""What tests kill in the middle: one look at a rollout, with all that it uses imported before."""

from __future__ import annotations

from taxiway.delivery.analysis import verdict
from taxiway.delivery.rollout.apply import tick
from taxiway.registry.database.session import Database
from taxiway.registry.section import parse_registry
from tests.taxiway.delivery.rollout.conftest import GATEWAY

IMPORTED = (verdict,)


def tick_once(section: str, now: str, holder: str) -> None:
    """A gateway's look.

    Args:
      section: the registry's, as JSON.
      now: seconds since the epoch.
      holder: which gateway.
    """
    database = Database(parse_registry(section))
    tick(database, GATEWAY, "parcels", "", holder, 3.0, lambda: float(now))
    database.close()
