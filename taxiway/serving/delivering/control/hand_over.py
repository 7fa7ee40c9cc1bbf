"""What the deploy queue brings, handed over to a rollout instead of given all traffic at once."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from taxiway.delivery.rollout.apply import request, start
from taxiway.delivery.rollout.machine import Advanced, Gateways, advance
from taxiway.delivery.rollout.records import open_rollout
from taxiway.delivery.rollout.requests import abort
from taxiway.delivery.rollout.state import Rollout
from taxiway.delivery.section import AtOnce, Delivery
from taxiway.delivery.under_way import open_experiment
from taxiway.registry.database.session import Change
from taxiway.registry.deploy.history import stage
from taxiway.registry.deploy.queue import QueueEntry, open_entries
from taxiway.registry.routes.moves import in_words
from taxiway.registry.routes.records import Revision, current
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.registry.versions.records import ModelVersion

_LOG = logging.getLogger(__name__)


class RolloutOfQueued:
    """A `HandOver` by the config's strategy.

    Args:
      delivery: the config's section.
    """

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    def __call__(
        self, change: Change, entry: QueueEntry, version: ModelVersion, place: str
    ) -> bool:
        """Starts a rollout of a version that is admitted, in the change that closes its entry.

        A rollout of another version that is open ends before it, with all traffic on the stable
        one. One of this same version goes on.

        Returns:
          False where the version is to have all traffic at once: the first one ever, one that has
          it already, a rollback, and any where the strategy says so.
        """
        if isinstance(self._delivery.strategy, AtOnce) or entry.action != "deploy":
            return False
        where = (entry.model, entry.environment)
        route = current(change.connection, *where)
        if route is None or route.route.stable.version == version.name:
            return False
        stage(change, entry, place)
        there = open_rollout(change.connection, *where)
        if there is not None and there.version == version.name:
            return True
        if there is not None:
            why = f"superseded by {version.name}"
            asked = partial(_ended, route=route, by=change.actor.name, why=why)
            request(change, *where, asked, "abort", reason=why)
        rollout = start(change, version, entry.environment, self._delivery, entry.reason)
        _LOG.info(
            "%s is rolled out (%s, rollout %d)",
            one_line(version.subject), rollout.strategy.kind, rollout.id,
        )  # fmt: skip
        return True

    def waits_for(self, connection: Connection, model: str, environment: str) -> str:
        """Why what waits in the queue cannot be rolled out now; empty where it can, or need not."""
        if isinstance(self._delivery.strategy, AtOnce):
            return ""
        entries = open_entries(connection, model, environment)
        route = current(connection, model, environment)
        if not entries or entries[0].action != "deploy" or route is None:
            return ""
        subject = entries[0].subject
        experiment = open_experiment(connection, model, environment)
        if experiment is not None:
            return (
                f"{subject} waits until the experiment {experiment.name} ends "
                "(`taxiway experiment stop`)"
            )
        is_split = any(arm.slots for arm in route.route.arms[1:])
        if is_split and open_rollout(connection, model, environment) is None:
            return (
                f"{subject} waits, as traffic is split by hand: {in_words(route.route)} "
                "(`taxiway rollout promote VERSION` ends that)"
            )
        return ""


def _ended(rollout: Rollout, now: float, route: Revision, by: str, why: str) -> Advanced:
    """Ends one that is not over: by going back, or, where the route is someone else's, as it is."""
    if route.route.revision != rollout.revision:
        return advance(rollout, now, (), route, Gateways(0))
    return abort(rollout, now, by, why)
