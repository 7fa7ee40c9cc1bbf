"""A serving folder, a model store, and a deployer with a clock that a test turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from taxiway.push.folder import FilesystemPush
from taxiway.registry.audit.verify import verify
from taxiway.registry.auth.actor import Actor, Permission, Role
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import audit
from taxiway.registry.deploy.deployer import Deployer, Outcome
from taxiway.registry.deploy.history import Deployment, history
from taxiway.registry.deploy.queue import Action, queue_version
from taxiway.registry.versions.records import ModelVersion
from tests.taxiway.registry.conftest import ANN
from tests.taxiway.registry.deploy.folders import registered

BEN = Actor("ben", "system", Role.ADMIN)


class Site:
    """One model's registry, store and serving folder.

    Args:
      database: the registry.
      root: an empty folder.
    """

    def __init__(self, database: Database, root: Path) -> None:
        self.database = database
        self.store = root / "store"
        self.serving = root / "serving"
        self.push = FilesystemPush(kind="filesystem", destination=str(self.serving))
        self.ahead = 0.0
        """Seconds by which deployers' clocks are ahead."""

    def version(self, content: str) -> ModelVersion:
        """A version that waits in the model store."""
        folder = self.store / content
        return registered(self.database, content, folder, folder.with_name(f"artifact-{content}"))

    def queue(self, version: ModelVersion, action: Action = "deploy", reason: str = "") -> bool:
        with self.database.changing(ANN, Permission.REGISTER) as change:
            return queue_version(change, version, "", action, reason)

    def queued(self, content: str) -> ModelVersion:
        """A version that waits in the model store, and in the queue."""
        version = self.version(content)
        assert self.queue(version)
        return version

    def deployer(self) -> Deployer:
        return Deployer(self.database, self.push, BEN, clock=lambda: time.time() + self.ahead)

    def deploy(self) -> list[Outcome]:
        return list(self.deployer().deploy("parcels"))

    def history(self) -> list[Deployment]:
        with self.database.reading() as connection:
            return history(connection, "parcels", "")

    def served(self) -> list[str]:
        """What is in the serving folder, in the order of the numbers; the last one is served."""
        folders = sorted(self.serving.iterdir(), key=lambda folder: int(folder.name))
        return [(folder / "variables" / "variables.index").read_text() for folder in folders]

    def audited(self) -> list[tuple[str, str]]:
        """Action and subject of each entry of the audit, whose chain is whole."""
        with self.database.reading() as connection:
            assert verify(connection).faults == []
            rows = connection.execute(audit.select().order_by(audit.c.sequence)).mappings()
            return [(row["action"], row["subject"]) for row in rows]


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Site:
    """On SQLite, MariaDB and PostgreSQL."""
    return Site(database, tmp_path)


@pytest.fixture
def file_site(file_database: Database, tmp_path: Path) -> Site:
    """On SQLite only."""
    return Site(file_database, tmp_path)


@pytest.fixture
def site_of(tmp_path: Path) -> Callable[[Database], Site]:
    """Another process's view of the same folders."""
    return lambda database: Site(database, tmp_path)
