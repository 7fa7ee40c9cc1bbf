"""Every version that this gateway has loaded, and how traffic is split between them.

`Fleet` is all that the rest of the gateway sees of a version's life: verified, loaded, warmed up
and tested before it has traffic, replaced when it fails, kept warm for a while, ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from taxiway.serving.fleet.served_version import ServedVersion

if TYPE_CHECKING:
    from taxiway.config.schema import Config
    from taxiway.registry.auth.actor import Actor
    from taxiway.registry.database.session import Database
    from taxiway.registry.routes.route import Route
    from taxiway.serving.routing.table import RoutingTable


class Fleet:
    """Versions of all models that a gateway serves. For one event loop.

    Args:
      config: of the gateway.
      database: the registry.
      actor: who deploys what waits in the queues.
    """

    def __init__(self, config: Config, database: Database, actor: Actor) -> None:
        self._config = config
        self._database = database
        self._actor = actor

    async def start(self) -> None:
        """Begins to load what the registry says, and to work through the deploy queues.

        Returns at once; `ready` says when every model answers.
        """

    async def close(self) -> None:
        """Ends every worker; requests that are being answered finish first."""

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that this gateway serves."""
        raise NotImplementedError

    @property
    def table(self) -> RoutingTable:
        """Routes as this gateway follows them: of a move, once all its versions are loaded."""
        raise NotImplementedError

    def route(self, model: str) -> Route | None:
        """How a model's traffic is split here now; None where none of its versions answers."""
        raise NotImplementedError

    def version(self, model: str, name: str) -> ServedVersion | None:
        """A version by its name in the registry; None where this gateway has never had it."""
        raise NotImplementedError

    def versions(self, model: str) -> list[ServedVersion]:
        """Every version of a model that is or was loaded here, newest first."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether every model has a stable version that answers."""
        raise NotImplementedError

    def report_failing(self, model: str, version: str, why: str) -> None:
        """Has a version's worker replaced, in the background; what it has lost is retried elsewhere.

        A worker that is lost, or whose answers are mostly NaN, is noticed without.
        """
