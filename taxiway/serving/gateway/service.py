"""What every protocol calls: one request in, the answer of one version out."""

from __future__ import annotations

from typing import Protocol

from taxiway.serving.requests.ask import Answer, Ask, Described


class Service(Protocol):
    """The gateway, as protocols see it. For one event loop."""

    async def ask(self, ask: Ask) -> Answer:
        """Answers a request: route, batch, fallback and log included.

        Raises:
          Refusal: with the kind.
        """

    def choose(self, ask: Ask) -> Answer:
        """The arm that a request would go to, without asking it: `outputs` is empty.

        Args:
          ask: the request; its columns and headers are those that say whose it is.

        Raises:
          Refusal: NOT_FOUND, or UNAVAILABLE where no version of it answers.
        """

    def describe(self, model: str, version: str = "", label: str = "") -> Described:
        """The version that a request would get; where traffic is split, the stable one.

        Raises:
          Refusal: NOT_FOUND.
        """

    def versions(self, model: str) -> list[Described]:
        """Every version of a model that is or was loaded here, newest first.

        Raises:
          Refusal: NOT_FOUND, the gateway serves no such model.
        """

    def models(self) -> list[str]:
        """Names of the models that this gateway serves."""

    def ready(self) -> bool:
        """Whether every model has a version that answers; live it is while this returns."""
