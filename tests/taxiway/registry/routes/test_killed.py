"""`kill -9` at random times of what moves traffic: it has moved whole, or not at all."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from taxiway.registry.database.session import Database
from taxiway.registry.section import Registry
from tests.conftest import TINY
from tests.killed import KILLED, killer
from tests.taxiway.registry.conftest import KINDS
from tests.taxiway.registry.deploy.conftest import Site
from tests.taxiway.registry.routes.conftest import Traffic

TIMES = {"sqlite": 4, "mysql": 1, "postgresql": 1}
PROGRAM = "tests.taxiway.registry.deploy.programs:command"


@pytest.fixture(params=KINDS)
def section(request: pytest.FixtureRequest, sections: Callable[[str], Registry]) -> Registry:
    """A registry on each kind of database."""
    return sections(request.param)


@pytest.fixture
def traffic(section: Registry, tmp_path: Path) -> Iterator[Traffic]:
    database = Database(section)
    yield Traffic(Site(database, tmp_path))
    database.close()


@pytest.mark.one_stack
def test_what_moves_traffic_is_killed_at_any_time(
    traffic: Traffic, section: Registry, tmp_path: Path
) -> None:
    given = section.model_dump(mode="json", exclude_unset=True)
    assignments = {f"registry.{key}": given[key] for key in ("kind", *given)}
    assignments |= {"output.root": tmp_path, "model.name": "parcels"}
    sets = [word for key, value in assignments.items() for word in ("--set", f"{key}={value}")]
    _, second, third = traffic.versions
    split = ("rollout", "weights", f"{third.name}=90", f"{second.name}=10", "--config", TINY, *sets)
    undo = ("rollout", "undo", "--config", TINY, *sets)
    with killer(PROGRAM) as commands:
        whole = commands.run(tmp_path, *split)
        assert (whole.code, commands.run(tmp_path, *undo).code) == (0, 0)
        for kill_at in random.sample(range(1, whole.steps), TIMES[section.kind]):
            before = traffic.now
            assert commands.run(tmp_path, *split, kill_at=kill_at).code == KILLED
            after = traffic.now
            moved = after.route.revision == before.route.revision + 1
            shares = {third.name: 90.0, second.name: 10.0} if moved else {third.name: 100.0}
            assert after == before or moved
            assert {arm.version: arm.weight for arm in after.route.arms} == shares
            assert traffic.serving() == shares
            assert traffic.audited()[-1] == ("rollout.weights" if moved else "rollout.undo")
            assert commands.run(tmp_path, *split).code == 0
            assert traffic.serving() == {third.name: 90.0, second.name: 10.0}
            assert commands.run(tmp_path, *undo).code == 0
