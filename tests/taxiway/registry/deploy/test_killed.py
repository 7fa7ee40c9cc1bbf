"""`kill -9` at random times of what deploys and of what queues: each is done once in the end."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from taxiway.registry.database.session import Database
from taxiway.registry.deploy.queue import DeployQueue
from taxiway.registry.section import Registry
from tests.conftest import TINY
from tests.killed import KILLED, Killer, killer
from tests.taxiway.registry.conftest import KINDS
from tests.taxiway.registry.deploy.conftest import Site

TIMES = {"sqlite": 10, "mysql": 3, "postgresql": 3}
PROGRAM = "tests.taxiway.registry.deploy.programs:command"


@pytest.fixture(scope="module")
def commands() -> Iterator[Killer]:
    """The command line."""
    with killer(PROGRAM) as found:
        yield found


@pytest.fixture(params=KINDS)
def section(request: pytest.FixtureRequest, sections: Callable[[str], Registry]) -> Registry:
    """A registry on each kind of database."""
    return sections(request.param)


@pytest.fixture
def here(section: Registry, tmp_path: Path) -> Iterator[Site]:
    database = Database(section)
    yield Site(database, tmp_path)
    database.engine.dispose()


@pytest.fixture
def options(section: Registry, tmp_path: Path) -> list[str]:
    """The command line's."""
    given = section.model_dump(mode="json", exclude_unset=True)
    assignments = {f"registry.{key}": given[key] for key in ("kind", *given)}
    assignments |= {
        "output.root": tmp_path,
        "model.name": "parcels",
        "push.destination": tmp_path / "serving",
    }
    sets = [word for key, value in assignments.items() for word in ("--set", f"{key}={value}")]
    return ["--config", TINY, *sets]


def test_a_deployer_that_is_killed_at_any_time(
    commands: Killer, here: Site, options: list[str], tmp_path: Path
) -> None:
    here.queued("first")
    whole = commands.run(tmp_path, "deploy", *options)
    assert whole.code == 0
    contents = ["first"]
    for kill_at in random.sample(range(1, whole.steps), TIMES[here.database.settings.kind]):
        contents.append(f"killed at {kill_at}")
        version = here.queued(contents[-1])
        assert commands.run(tmp_path, "deploy", *options, kill_at=kill_at).code == KILLED
        here.ahead += here.database.settings.lease_seconds
        here.deploy()
        assert here.served() == contents
        assert here.history()[-1].subject == version.subject
        assert len(here.history()) == len(contents)
        told = Counter(here.audited())
        assert told["deploy.queued", version.subject] == 1
        assert told["deploy.served", version.subject] == 1
    assert DeployQueue(here.database).waiting("parcels") == []


def test_what_queues_is_killed_at_any_time(
    commands: Killer, here: Site, options: list[str], tmp_path: Path
) -> None:
    for content in ("one", "two"):
        here.queued(content)
        here.deploy()
    whole = commands.run(tmp_path, "models", "rollback", *options)
    assert whole.code == 0
    here.deploy()
    times = TIMES[here.database.settings.kind]
    for done, kill_at in enumerate(random.choices(range(1, whole.steps), k=times), 1):
        commands.run(tmp_path, "models", "rollback", *options, kill_at=kill_at)
        assert commands.run(tmp_path, "models", "rollback", *options).code == 0
        assert len(DeployQueue(here.database).waiting("parcels")) == 1
        here.deploy()
        assert len(here.history()) == len(here.served()) == 3 + done
        here.audited()
