"""What all views are made from."""

from __future__ import annotations

from dataclasses import dataclass

from taxiway.config.schema import Config
from taxiway.registry.database.session import Database
from taxiway.ui.people.doorkeeper import Doorkeeper


@dataclass(frozen=True)
class Site:
    """The config, the registry, and who knows who asks.

    Args:
      config: `config.model.name` is whose version a name without a model means, and
        `config.registry.environment` where approvals hold that name no other.
      database: the registry.
      doorkeeper: of this port.
    """

    config: Config
    database: Database
    doorkeeper: Doorkeeper

    @property
    def environment(self) -> str:
        """Of the config; empty where it names none."""
        return self.config.registry.environment
