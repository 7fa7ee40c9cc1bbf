"""What every protocol calls: a request goes to its arm, and to another where that one fails.

    router -> batcher of the version -> model -> decision log -> answer -> evidence, shadow
               | the version fails
               +-> once more: the stable version; where it is that which failed, the one before it
                   that is kept warm, else the same again, once its worker is replaced

A request that names a version by number or name gets the answer of that one or none.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Sequence

from taxiway.access.refusal import Code, Refusal
from taxiway.config.serving import Serving
from taxiway.errors import did_you_mean
from taxiway.registry.routes.route import STABLE
from taxiway.serving.fleet.fleet import Fleet
from taxiway.serving.fleet.served_version import ServedVersion
from taxiway.serving.gateway.answering.attempt import Attempt, Found
from taxiway.serving.gateway.answering.batchers import Batchers
from taxiway.serving.gateway.answering.shadow import Shadow
from taxiway.serving.requests.ask import Answer, Arrays, Ask, Described
from taxiway.serving.requests.sink import DecisionSink
from taxiway.serving.routing.choose import Choice, is_mirrored
from taxiway.serving.routing.evidence import Evidence, Failure, NoEvidence
from taxiway.serving.routing.router import Router
from taxiway.terminal import one_line


class ServingService:
    """A gateway's `Service`. For one event loop; `close` it before the fleet.

    Args:
      fleet: versions, and how traffic is split between them.
      section: batching and limits.
      sink: takes each decision before its answer is sent.
      on_batch: hears of the rows of each call: model, version, rows.
      router: finds the arm of each request; None for one that goes by slots and `serving.log.key`.
      evidence: hears what became of each request; None where no one wants it.
    """

    def __init__(
        self,
        fleet: Fleet,
        section: Serving,
        sink: DecisionSink,
        on_batch: Callable[[str, str, int], None] | None = None,
        router: Router | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        self.batchers = Batchers(section.batching, section.limits, on_batch)
        self.in_flight = 0
        """Requests that came and are not answered."""
        self._fleet = fleet
        self._limits = section.limits
        self._router = router or Router(key_column=section.log.key)
        self._evidence = evidence or NoEvidence()
        self._shadow = Shadow(fleet, section, self._evidence)
        self._sink = sink
        self._held_rows = 0

    async def ask(self, ask: Ask) -> Answer:
        """Answers a request; see `Service`."""
        came = time.monotonic()
        latest = came + self._limits.seconds
        if not 0 < ask.deadline < latest:
            ask.deadline = latest
        choice = self._choice(ask)
        self.in_flight += 1
        try:
            answer = await self._answer(ask, choice)
            seconds = time.monotonic() - came
            await self._sink.record(ask, answer, seconds)
        finally:
            self.in_flight -= 1
        self._evidence.answered(ask, answer, choice, seconds)
        self._copy(ask, answer, choice)
        return answer

    def choose(self, ask: Ask) -> Answer:
        """The arm of a request; see `Service`."""
        choice = self._choice(ask)
        attempt = Attempt(self._fleet, ask, choice)
        found = attempt.next()
        if found is None:
            raise attempt.unavailable()
        return _told(choice, found[0], attempt.arm_of(found[0]), {})

    def describe(self, model: str, version: str = "", label: str = "") -> Described:
        """A version; see `Service`."""
        self._check_known(model)
        choice = self._fleet.table.named(model, version, label if version or label else STABLE)
        served = self._fleet.version(model, choice.version)
        if served is None:
            raise Refusal(Code.NOT_FOUND, f"{model}/{one_line(choice.version)} is not loaded here")
        return self._described(served)

    def versions(self, model: str) -> list[Described]:
        """Versions of a model; see `Service`."""
        if model not in self._fleet.models:
            served = ", ".join(self._fleet.models) or "none"
            raise Refusal(
                Code.NOT_FOUND,
                f"no model '{one_line(model[:80])}' is served here"
                f"{did_you_mean(model[:80], self._fleet.models)} (served: {served})",
            )
        return [self._described(served) for served in self._fleet.versions(model)]

    def models(self) -> list[str]:
        """Names of the models; see `Service`."""
        return list(self._fleet.models)

    def ready(self) -> bool:
        """Whether every model answers; see `Service`."""
        return self._fleet.ready()

    async def close(self) -> None:
        """Refuses what still waits, and ends copies."""
        await self.batchers.close()
        await self._shadow.close()

    def _choice(self, ask: Ask) -> Choice:
        """Where the routes send a request; see `Router.choice`.

        Raises:
          Refusal: NOT_FOUND; UNAVAILABLE, no version of the model has answered here yet.
        """
        self._check_known(ask.model)
        return self._router.choice(self._fleet.table, ask)

    def _check_known(self, model: str) -> None:
        if model not in self._fleet.table.routes and model in self._fleet.models:
            states = [f"{one.version} is {one.state}" for one in self._fleet.versions(model)]
            raise Refusal(
                Code.UNAVAILABLE,
                f"no version of {model} answers yet ({', '.join(states[:8]) or 'none is known'})",
                retry_after=1.0,
            )

    async def _answer(self, ask: Ask, choice: Choice) -> Answer:
        """The answer of the chosen version or of another, and what is told of those that failed."""
        attempt = Attempt(self._fleet, ask, choice)
        try:
            served, outputs = await self._outputs(ask, attempt)
        except Refusal as refusal:
            self._tell(ask, choice, attempt.failures(refusal))
            raise
        answer = _told(choice, served, attempt.arm_of(served), outputs)
        if answer.fallback:
            self._tell(ask, choice, attempt.failures(is_fallback=True))
        return answer

    async def _outputs(self, ask: Ask, attempt: Attempt) -> tuple[ServedVersion, Arrays]:
        while True:
            served, loaded = attempt.next() or await self._replaced(attempt)
            batcher = self.batchers.of(served, loaded)
            try:
                return served, await batcher.ask(ask, alone=attempt.suspect)
            except Refusal as refusal:
                attempt.failed(served, loaded, refusal)

    def _tell(self, ask: Ask, choice: Choice, failures: Sequence[Failure]) -> None:
        for failure in failures:
            self._evidence.failed(ask, choice, failure)

    def _copy(self, ask: Ask, answer: Answer, choice: Choice) -> None:
        """Has a shadow asked too, once the answer is on its way."""
        route = self._fleet.table.routes.get(ask.model)
        if route is None or route.mirror is None or not choice.is_drawn:
            return
        if is_mirrored(route, ask.request_id):
            asyncio.get_running_loop().call_soon(self._shadow.copy, route, ask, answer)

    async def _replaced(self, attempt: Attempt) -> Found:
        """The version once it is loaded again: so many rows wait for that as wait for a model."""
        rows = attempt.ask.rows
        most = self._limits.queued_rows
        if self._held_rows and self._held_rows + rows > most:
            raise Refusal(
                Code.BUSY,
                f"{self._held_rows:,} rows wait for a version that is being loaded; "
                f"serving.limits.queued_rows is {most:,}",
                retry_after=1.0,
            )
        self._held_rows += rows
        try:
            return await attempt.replaced()
        finally:
            self._held_rows -= rows

    def _described(self, served: ServedVersion) -> Described:
        table = self._fleet.table
        route = table.routes.get(served.model)
        arms = route.arms if route is not None else ()
        return dataclasses.replace(
            served.described,
            labels=table.labels(served.model).get(served.version, ()),
            weight=sum(arm.share for arm in arms if arm.version == served.version),
        )


def _told(choice: Choice, served: ServedVersion, arm: str, outputs: Arrays) -> Answer:
    return Answer(
        outputs=outputs,
        version=served.version,
        number=served.number,
        arm=arm,
        propensity=choice.propensity,
        fallback=arm != choice.arm,
        chosen=choice.arm,
        revision=choice.revision,
        policy=choice.policy,
        propensities=choice.propensities,
        experiment=choice.experiment,
    )
