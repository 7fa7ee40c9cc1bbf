"""Models that are broken or hostile get no traffic, and no request fails because of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from taxiway.access.refusal import Refusal
from taxiway.config.schema import Config
from taxiway.process.manifest import (
    MANIFEST_FILE,
    digest,
    manifest_of,
)
from taxiway.registry.auth.actor import Permission
from taxiway.registry.database.tables import audit
from taxiway.registry.deploy.queue import queue_version
from taxiway.registry.versions.records import Candidate, ModelVersion, register
from taxiway.serving.backend.loaded import LoadedVersion
from taxiway.serving.fleet import backends
from taxiway.serving.fleet.fleet import Fleet
from taxiway.serving.fleet.served_version import ServedVersion
from taxiway.serving.gateway.answering.serving_service import ServingService
from taxiway.serving.requests.ask import Answer, Ask
from tests.taxiway.serving.fleet.conftest import GATEWAY, Site, stable, until

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.one_stack,
    pytest.mark.xdist_group("model_worker"),
]

SMOKE = "serving.smoke_tests=[{columns: {weight: [1, 2]}, output: value, upper: 10}]"


def worker(served: ServedVersion) -> int | None:
    """The process that a version is loaded in now."""
    return None if served.loaded is None else served.loaded.pid


def is_stable(fleet: Fleet, model: str, version: ModelVersion) -> bool:
    """Whether a version has the traffic."""
    return stable(fleet, model) == version.name


async def another_worker(served: ServedVersion, before: int) -> None:
    """Waits for the process in the place of one that is gone."""
    await until(lambda: worker(served) not in (None, before), 300)


class NoLog:
    """Keeps no decision."""

    async def record(self, ask: Ask, answer: Answer, seconds: float) -> None:
        """Does nothing."""


@dataclass
class Trickle:
    """Requests that go on all the time, and what came of them."""

    answers: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    async def run(self, service: ServingService, model: str) -> None:
        """Asks until it is cancelled."""
        while True:
            try:
                answer = await service.ask(Ask(model, 1, {"weight": [1.0]}))
                self.answers.append(float(answer.outputs["value"][0]))
            except Refusal as error:
                self.failures.append(error.message)
            await asyncio.sleep(0.05)


@asynccontextmanager
async def asked(fleet: Fleet, config: Config, model: str) -> AsyncIterator[Trickle]:
    """Has requests go on while the block runs."""
    service, trickle = ServingService(fleet, config.serving, NoLog()), Trickle()
    task = asyncio.create_task(trickle.run(service, model))
    try:
        yield trickle
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await service.close()


def registered_model(site: Site, folder: Path) -> ModelVersion:
    """A SavedModel with a manifest, in the registry and in the queue."""
    text = manifest_of(folder)
    (folder / MANIFEST_FILE).write_text(text)
    candidate = Candidate(
        model=site.model,
        run_id=f"run-{folder.name}",
        model_digest=digest(text),
        contract_digest="c",
        pipeline_digest="p",
        pushed_to=str(folder),
        metrics={},
    )
    return register(site.database, candidate, GATEWAY)


def queue(site: Site, version: ModelVersion) -> None:
    with site.database.changing(GATEWAY, Permission.REGISTER) as change:
        queue_version(change, version, "")


def refusals(site: Site, version: ModelVersion) -> list[str]:
    """Why a version was refused; all of the audit is not verified at each look."""
    of = audit.c
    query = select(of.reason).where(of.action == "deploy.refused", of.subject == version.subject)
    with site.database.reading() as connection:
        return list(connection.execute(query).scalars())


def truncate(folder: Path) -> None:
    """As a copy that was broken off leaves it."""
    path = folder / "saved_model.pb"
    path.write_bytes(path.read_bytes()[:-10])


def forge(folder: Path) -> None:
    """Another model, with a manifest of its own."""
    (folder / "fingerprint.pb").write_bytes(b"another")
    (folder / MANIFEST_FILE).write_text(manifest_of(folder))


def faults() -> dict[str, tuple[Callable[[Path], Any], str]]:
    """By name: how the model is made, and a part of the reason for which it is refused."""
    from tests.taxiway.modeling.exported import hostile
    from tests.taxiway.serving.fleet import models

    return {
        "custom operation": (models.save_custom_operation, "the operation AcmeFill"),
        "Python function": (lambda to: models.save(to, models.in_python), "EagerPyFunc"),
        "file read": (lambda to: models.save(to, models.reads), "the operation ReadFile"),
        "file write": (lambda to: models.save(to, models.writes), "the operation WriteFile"),
        "endless loop at load": (
            lambda to: hostile.save_that_loads(to, models.printed(models.loops)),
            "did not load within 12 s",
        ),
        "endless loop at warm-up": (
            lambda to: models.save(to, models.endless),
            "warm-up with 1 row(s) of the first of serving.smoke_tests: no answer",
        ),
        "memory bomb at load": (
            lambda to: hostile.save_that_loads(to, models.printed(models.eats)),
            " load",  # TensorFlow says that there is no memory, or has ended
        ),
        "memory bomb at warm-up": (lambda to: models.save(to, models.greedy), "warm-up with 1"),
        "NaN": (lambda to: models.save(to, models.constant(float("nan"))), "answers nan"),
        "wrong shape": (lambda to: models.save(to, models.one_row), "for a request of 2 row(s)"),
        "smoke test": (
            lambda to: models.save(to, models.constant(20.0)),
            "smoke test 1: row 1 has the value 20, expected at most 10",
        ),
    }


async def load(served: ServedVersion, config: Config) -> LoadedVersion:
    """As a gateway does; what never loads is waited for less long."""
    if served.place.endswith("/8"):
        backend = config.serving.backend.model_copy(update={"load_timeout_seconds": 12.0})
        serving = config.serving.model_copy(update={"backend": backend})
        config = config.model_copy(update={"serving": serving})
    return await backends.load(served, config)


def settings(site: Site) -> Config:
    limits = ["serving.limits.call_seconds=5", "serving.limits.seconds=60"]
    backend = "serving.backend={kind: process, memory_limit_mb: 2048, load_timeout_seconds: 300}"
    return site.config(*limits, backend, SMOKE, "serving.batching.max_rows=4")


def test_hostile_and_broken_models_are_refused_while_the_version_before_answers(
    site: Site,
) -> None:
    from tests.taxiway.serving.fleet import models

    folder, config = site.root / "serving" / site.model, settings(site)
    first = registered_model(site, models.save(folder / "1", models.constant(1.0)))
    queue(site, first)
    whole = {"truncated": truncate, "wrong digest": forge}
    reasons: dict[str, str] = {}
    expected: dict[str, str] = {}

    async def main() -> None:
        fleet = Fleet(config, site.database, GATEWAY, load)
        await fleet.start()
        try:
            await until(fleet.ready, 300)
            async with asked(fleet, config, site.model) as trickle:
                for number, (name, harm) in enumerate(whole.items(), start=2):
                    made = folder / str(number)
                    shutil.copytree(folder / "1", made)
                    (made / MANIFEST_FILE).unlink()
                    (made / "assets" / "name").write_text(name)  # which makes it another model
                    version = registered_model(site, made)
                    harm(made)
                    await refusal(name, version)
                    expected[name] = str(made)
                for number, (name, (save, told)) in enumerate(faults().items(), start=4):
                    version = registered_model(site, save(folder / str(number)))
                    await refusal(name, version)
                    expected[name] = told
                before = len(trickle.answers)
                await until(lambda: len(trickle.answers) > before + 10)
            assert trickle.failures == []
            assert set(trickle.answers) == {1.0}
            assert stable(fleet, site.model) == first.name
        finally:
            await fleet.close()

    async def refusal(name: str, version: ModelVersion) -> None:
        """Queues a version, and waits until it is refused."""
        queue(site, version)
        found: list[str] = []

        def look() -> bool:
            found[:] = refusals(site, version)
            return bool(found)

        await until(look, 300, every=0.2)
        reasons[name] = found[0]

    asyncio.run(main())
    assert site.audited()  # its chain is whole
    for name, told in expected.items():
        assert told in reasons[name], name
    assert not Path("/tmp/written-by-a-model").exists()  # which it was to write


def test_a_worker_that_is_killed_or_stopped_is_replaced_and_no_request_fails(site: Site) -> None:
    from tests.taxiway.serving.fleet import models

    folder, config = site.root / "serving" / site.model, settings(site)

    async def main() -> None:
        fleet = Fleet(config, site.database, GATEWAY)
        await fleet.start()
        try:
            for number in (1, 2):
                made = models.save(folder / str(number), models.constant(float(number)))
                version = registered_model(site, made)
                queue(site, version)
                await until(partial(is_stable, fleet, site.model, version), 300)
            served = fleet.version(site.model, version.name)
            assert served is not None
            async with asked(fleet, config, site.model) as trickle:
                await until(lambda: 2.0 in trickle.answers)
                for number in (signal.SIGKILL, signal.SIGSTOP):
                    before = worker(served)
                    assert before is not None
                    trickle.answers.clear()
                    os.kill(before, number)
                    await until(lambda: 1.0 in trickle.answers)  # of the version that is warm
                    await another_worker(served, before)
                    trickle.answers.clear()
                    await until(lambda: 2.0 in trickle.answers)
            assert trickle.failures == []
        finally:
            await fleet.close()

    asyncio.run(main())
