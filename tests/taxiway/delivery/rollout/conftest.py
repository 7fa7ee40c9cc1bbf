"""A rollout in a real registry, with gateways that only say what a test wants them to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from taxiway.delivery.evidence.measured import Measured, latency_bucket
from taxiway.delivery.evidence.records import AUDIENCE, Of, Segment, write_measurements
from taxiway.delivery.rollout import requests
from taxiway.delivery.rollout.apply import request, start, tick
from taxiway.delivery.rollout.machine import Advanced
from taxiway.delivery.rollout.records import events_of, rollouts_of
from taxiway.delivery.rollout.state import Event, Rollout
from taxiway.delivery.section import Delivery
from taxiway.registry.auth.actor import Actor, Permission, Role
from taxiway.registry.database.session import Database
from taxiway.registry.routes.gateways import Gateway, beat
from taxiway.registry.versions.records import ModelVersion
from tests.taxiway.registry.conftest import ANN, database, file_database, sections
from tests.taxiway.registry.deploy.conftest import Site
from tests.taxiway.registry.routes.conftest import Traffic

__all__ = ["database", "file_database", "sections"]  # fixtures
GATEWAY = Actor("gateway", "system", Role.ADMIN)
CANARY: dict[str, Any] = {
    "kind": "canary",
    "steps": [
        {"setWeight": 5},
        {"pause": {"duration": 30}},
        {"analysis": {"interval": 60, "count": 2, "metrics": [{"name": "error_rate"}]}},
        {"setWeight": 50},
        {"pause": {}},
    ],
}


def delivery(strategy: dict[str, Any], **settings: Any) -> Delivery:
    return Delivery.model_validate({"strategy": strategy, **settings})


def measured(requests: int, errors: int = 0) -> Measured:
    answered = requests - errors
    return Measured(requests, errors, answered, 0, {latency_bucket(0.005): answered})


class Delivered(Traffic):
    """Version 1.0.2 of `parcels` has all traffic, and 1.0.0 and 1.0.1 have had it.

    Args:
      site: its registry and folders.
    """

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.now_is = 1_000_000.0
        """What the clock says."""
        self.gateways: list[Gateway] = []

    @property
    def new(self) -> ModelVersion:
        return self.versions[1]

    @property
    def stable(self) -> ModelVersion:
        return self.versions[2]

    def clock(self) -> float:
        return self.now_is

    def start(self, strategy: dict[str, Any], actor: Actor = ANN, **settings: Any) -> Rollout:
        with self.database.changing(actor, Permission.DEPLOY) as change:
            return start(change, self.new, "", delivery(strategy, **settings), "", self.clock)

    def ask(self, what: str, actor: Actor = ANN, **options: Any) -> Rollout:
        def asked(rollout: Rollout, now: float) -> Advanced:
            made: Advanced = getattr(requests, what)(rollout, now, actor.name, **options)
            return made

        with self.database.changing(actor, Permission.DEPLOY) as change:
            return request(change, "parcels", "", asked, what, self.clock)

    def gateway(self, errors: dict[str, Any] | None = None) -> Gateway:
        """One more, which lives and has taken nothing up."""
        states = {"parcels": errors or {}}
        made = replace(Gateway.here(""), revisions={"parcels": 0}, states=states)
        self.gateways.append(made)
        beat(self.database, made)
        return made

    def take_up(self, which: Sequence[int] | None = None) -> None:
        """Gateways go by the newest revision: all, or those of these numbers."""
        revision = self.now.route.revision
        for number, one in enumerate(self.gateways):
            if which is None or number in which:
                self.gateways[number] = replace(one, revisions={"parcels": revision})
                beat(self.database, self.gateways[number])

    def measure(
        self, version: ModelVersion, found: Measured, segment: Segment = AUDIENCE, gateway: int = 0
    ) -> None:
        """A gateway writes its sums of the newest revision."""
        of = Of("parcels", "", self.now.route.revision, version.name, segment)
        with self.database.working() as connection:
            write_measurements(connection, self.gateways[gateway].id, [(of, found)])

    def tick(self, seconds: float = 0.0, holder: str = "one") -> Rollout | None:
        """Time goes on, and a gateway looks."""
        self.now_is += seconds
        return tick(self.database, GATEWAY, "parcels", "", holder, 3.0, self.clock)

    def ready(self, seconds: float = 0.0) -> Rollout | None:
        """All gateways take the newest revision up, and one looks."""
        self.take_up()
        return self.tick(seconds)

    @property
    def rollouts(self) -> list[Rollout]:
        with self.database.reading() as connection:
            return rollouts_of(connection, "parcels", "")

    @property
    def rollout(self) -> Rollout:
        """The newest."""
        return self.rollouts[0]

    @property
    def events(self) -> list[Event]:
        with self.database.reading() as connection:
            return events_of(connection, self.rollout.id)

    @property
    def weights_now(self) -> dict[str, float]:
        return {arm.version: arm.weight for arm in self.now.route.arms}


@pytest.fixture
def delivered(database: Database, tmp_path: Path) -> Delivered:
    """On SQLite, MariaDB and PostgreSQL."""
    made = Delivered(Site(database, tmp_path))
    made.gateway()
    return made


@pytest.fixture
def file_delivered(file_database: Database, tmp_path: Path) -> Delivered:
    """On SQLite only."""
    made = Delivered(Site(file_database, tmp_path))
    made.gateway()
    return made
