"""Which versions one request may be answered by, in which order, and how often it is tried."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from taxiway.access.refusal import Code, Refusal
from taxiway.registry.routes.route import STABLE, Route
from taxiway.serving.backend.fault import ModelFault
from taxiway.serving.backend.loaded import LoadedVersion
from taxiway.serving.fleet.events import happens
from taxiway.serving.fleet.fleet import Fleet
from taxiway.serving.fleet.served_version import ServedVersion
from taxiway.serving.requests.ask import Ask
from taxiway.serving.routing.choose import Choice
from taxiway.serving.routing.evidence import Failure

RETRIES: Final = 1
"""Of a request that a model has seen: it may be what ends workers, and must not end them all."""

_OF_THE_VERSION: Final = (Code.UNAVAILABLE, Code.FAILED, Code.BUSY, Code.DEADLINE)
"""Of refusals whose fault is not the request's."""
_ANOTHER_MAY: Final = (Code.INVALID, Code.BUSY)
"""Refusals by an arm on trial that the stable version need not share: other columns, a short queue.
"""

Found = tuple[ServedVersion, LoadedVersion]


class Attempt:
    """One request on its way to an answer.

    Args:
      fleet: versions, and the routes between them.
      ask: the request; with a deadline.
      choice: where the routing table sends it.
    """

    def __init__(self, fleet: Fleet, ask: Ask, choice: Choice) -> None:
        self.ask = ask
        self._fleet = fleet
        self._choice = choice
        self._failed: list[LoadedVersion] = []
        self._failures: list[Failure] = []
        self._fault: ModelFault | None = None
        self._retries = 0

    @property
    def suspect(self) -> bool:
        """Whether a model that has seen the request has failed, so that it is to be asked alone."""
        return self._retries > 0

    def next(self) -> Found | None:
        """The best version that is loaded and has not failed; None where there is none."""
        for name in self._names():
            served = self._fleet.version(self.ask.model, name)
            loaded = None if served is None else served.loaded
            if served is None or loaded is None or loaded.lost or loaded in self._failed:
                continue
            return served, loaded
        return None

    def failed(self, served: ServedVersion, loaded: LoadedVersion, refusal: Refusal) -> None:
        """Takes note that a version has not answered.

        Raises:
          Refusal: there is to be no other try.
        """
        is_stable = served.version == self._stable
        if isinstance(refusal, ModelFault):
            fault = refusal
        elif is_stable or self._is_named or refusal.code not in _ANOTHER_MAY:
            raise refusal
        else:
            fault = ModelFault(refusal.code, refusal.message, asked=False)
        self._failures.append(Failure(served.version, fault))
        self._retries += fault.asked
        # what the stable version's graph refuses is the request's fault
        if self._retries > RETRIES or (fault.code is Code.INVALID and is_stable):
            raise fault
        self._failed.append(loaded)
        self._fault = fault

    def failures(
        self, refusal: Refusal | None = None, *, is_fallback: bool = False
    ) -> list[Failure]:
        """Versions that have failed, the chosen one first; none where the request is to blame.

        Args:
          refusal: of the request, where it has no answer.
          is_fallback: whether it has one, of another version than the chosen one.
        """
        if refusal is not None and refusal.code not in _OF_THE_VERSION:
            return []
        chosen = self._choice.version
        if (refusal is None and not is_fallback) or chosen in [
            one.version for one in self._failures
        ]:
            return self._failures
        return [Failure(chosen, refusal or self.unavailable()), *self._failures]

    async def replaced(self) -> Found:
        """Waits until a version that may answer is loaded again, within the deadline.

        Raises:
          Refusal: none is, with why the last one failed.
        """
        name = self._choice.version if self._is_named else self._stable
        served = self._fleet.version(self.ask.model, name)
        while served is not None and name == self._stable:
            changed = served.changed
            if (found := self.next()) is not None:
                return found
            loaded = served.loaded
            if loaded is not None and not loaded.lost and loaded in self._failed:
                break  # it runs, and has failed all the same
            left = self.ask.deadline - time.monotonic()
            if served.state == "END" or left <= 0:
                break
            if not await happens(changed, left):
                break
        raise self.unavailable()

    def unavailable(self) -> Refusal:
        """Why there is no answer."""
        if self._fault is not None:
            return self._fault
        name = self._choice.version
        served = self._fleet.version(self.ask.model, name)
        subject = f"{self.ask.model}/{name}"
        state = f"is {served.state}" if served is not None else "is not loaded here"
        why = f": {served.error}" if served is not None and served.error else ""
        return Refusal(Code.UNAVAILABLE, f"{subject} {state}{why}", retry_after=1.0)

    def arm_of(self, served: ServedVersion) -> str:
        """The arm that a version is; its own name where it has no traffic."""
        if served.version == self._choice.version:
            return self._choice.arm
        route = self._route
        arms = route.arms if route is not None else ()
        return next((arm.name for arm in arms if arm.version == served.version), served.version)

    @property
    def _is_named(self) -> bool:
        """Whether the client wants this version, and no other's answer."""
        return bool(self.ask.version or (self.ask.label and self.ask.label != STABLE))

    @property
    def _route(self) -> Route | None:
        return self._fleet.table.routes.get(self.ask.model)

    @property
    def _stable(self) -> str:
        route = self._route
        return self._choice.version if route is None else route.stable.version

    def _names(self) -> Iterator[str]:
        """Versions in the order that they are tried in: kept warm ones before those on trial."""
        yield self._choice.version
        if self._is_named:
            return
        yield self._stable
        route = self._route
        arms = [arm.version for arm in route.arms] if route is not None else []
        mirror = route.mirror.version if route is not None and route.mirror is not None else ""
        loaded = [served.version for served in self._fleet.versions(self.ask.model)]
        # nobody gets a shadow's answer, not even where there is no other
        yield from (name for name in loaded if name not in arms and name != mirror)
        yield from arms
