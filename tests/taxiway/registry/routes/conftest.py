"""Versions that were deployed, and a route whose moves a test makes and looks at."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxiway.registry.audit.verify import verify
from taxiway.registry.auth.actor import Actor, Permission
from taxiway.registry.database.session import Database
from taxiway.registry.deploy.history import Deployment, history
from taxiway.registry.routes.moves import Move, parse_weight, promote, set_weights, undo
from taxiway.registry.routes.records import Revision, current
from taxiway.registry.versions.records import ModelVersion
from tests.taxiway.registry.conftest import ANN
from tests.taxiway.registry.deploy.conftest import Site


class Traffic:
    """The traffic of `parcels`, of which versions 1.0.0 to 1.0.2 were deployed one after another.

    Args:
      site: its registry and folders.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.database: Database = site.database
        self.versions = []
        for content in ("one", "two", "three"):
            self.versions.append(site.queued(content))
            site.deploy()

    def promote(
        self,
        version: ModelVersion,
        expected: int | None = None,
        actor: Actor = ANN,
        reason: str = "",
    ) -> Move:
        with self.database.changing(actor, Permission.DEPLOY) as change:
            return promote(change, version, "", expected, reason)

    def undo(self, expected: int | None = None, actor: Actor = ANN) -> Move:
        with self.database.changing(actor, Permission.DEPLOY) as change:
            return undo(change, "parcels", "", expected)

    def weights(self, *weights: tuple[ModelVersion, str], actor: Actor = ANN) -> Move:
        wanted = [(version, parse_weight(percent)) for version, percent in weights]
        with self.database.changing(actor, Permission.DEPLOY) as change:
            return set_weights(change, "parcels", "", wanted)

    @property
    def now(self) -> Revision:
        with self.database.reading() as connection:
            found = current(connection, "parcels", "")
        assert found is not None
        return found

    @property
    def shares(self) -> dict[str, tuple[str, float]]:
        """By version, its arm and weight."""
        return {arm.version: (arm.name, arm.weight) for arm in self.now.route.arms}

    def history(self) -> list[Deployment]:
        with self.database.reading() as connection:
            return history(connection, "parcels", "")

    def serving(self) -> dict[str, float]:
        """By version, its weight, of the deployments that have not ended."""
        return {one.version: one.weight for one in self.history() if not one.until}

    def audited(self) -> list[str]:
        """Actions of the audit, whose chain is whole."""
        with self.database.reading() as connection:
            assert verify(connection).faults == []
        return [action for action, _ in self.site.audited()]


@pytest.fixture
def traffic(database: Database, tmp_path: Path) -> Traffic:
    """On SQLite, MariaDB and PostgreSQL."""
    return Traffic(Site(database, tmp_path))


@pytest.fixture
def file_traffic(file_database: Database, tmp_path: Path) -> Traffic:
    """On SQLite only."""
    return Traffic(Site(file_database, tmp_path))
