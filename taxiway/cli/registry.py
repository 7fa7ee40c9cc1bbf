"""What commands of the registry share: the config, the open database, and who asks."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from taxiway.cli.options import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taxiway.config.schema import Config
    from taxiway.registry.auth.actor import Actor
    from taxiway.registry.database.session import Database
    from taxiway.registry.versions.records import ModelVersion


class OpenRegistry:
    """The registry that a command's config names.

    Args:
      config: the config; `config.model.name` is whose version `1.2.7` or `@champion` is.
    """

    def __init__(self, config: Config) -> None:
        from taxiway.registry.database.session import open_database

        self.config = config
        self.database: Database = open_database(config.registry)

    @property
    def model(self) -> str:
        """The config's model."""
        return self.config.model.name

    @functools.cached_property
    def actor(self) -> Actor:
        """Who changes something; what only reads asks for nobody."""
        from taxiway.registry.auth.current import current_actor

        return current_actor(self.database)

    def environment(self, given: str | None) -> str:
        """The environment that was named on the command line, else the config's."""
        return self.config.registry.environment if given is None else given

    def find(self, version: str) -> ModelVersion:
        """The version that was named on the command line; raises as `references.find`."""
        from taxiway.registry.catalog.references import find

        with self.database.reading() as connection:
            return find(connection, version, self.model)


def open_registry(
    config: Sequence[str] | None,
    assignments: Sequence[str] | None = None,
    environment: str | None = None,
) -> OpenRegistry:
    """The registry of a command.

    Args:
      config: the overlays that were given.
      assignments: the `--set` values that were given.
      environment: whose overlay is over them.

    Raises:
      ConfigError: see `load_config`.
    """
    return OpenRegistry(resolve(config, assignments, environment=environment))
