"""Whoever moves a rollout on is killed: nothing is lost, nothing is done twice, another goes on."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from taxiway.registry.section import Registry
from tests.killed import KILLED, killer
from tests.taxiway.delivery.rollout.conftest import Delivered, measured
from tests.taxiway.registry.conftest import KINDS
from tests.taxiway.registry.deploy.conftest import Site

ANALYSIS = {"interval": 60, "count": 1, "metrics": [{"name": "error_rate"}]}
SHORT: dict[str, Any] = {"kind": "canary", "steps": [{"setWeight": 10}, {"analysis": ANALYSIS}]}
MOVES = ["rollout.load", "rollout.set_weight", "rollout.promote"]
TIMES = {"sqlite": 3, "mysql": 1, "postgresql": 1}
PROGRAM = "tests.taxiway.delivery.rollout.programs:tick_once"


class Died(BaseException):
    """In the place of a signal: the transaction is never committed."""


@contextmanager
def dying_at(engine: Engine, step: int) -> Iterator[list[str]]:
    """Raises before a statement or a commit; gives those that there were."""
    steps: list[str] = []

    def count(what: str) -> None:
        steps.append(what)
        if len(steps) == step:
            raise Died

    def statement(*given: Any) -> None:
        count(given[2])

    def commit(_: Any) -> None:
        count("COMMIT")

    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    try:
        yield steps
    finally:
        event.remove(engine, "before_cursor_execute", statement)
        event.remove(engine, "commit", commit)


def stands(delivered: Delivered) -> tuple[Any, ...]:
    """All that a look may change."""
    told = (delivered.history(), delivered.site.audited(), delivered.events)
    return delivered.rollout, delivered.now, *told


def look_about(delivered: Delivered) -> None:
    """What gateways do between two looks."""
    delivered.take_up()
    delivered.measure(delivered.stable, measured(400_000, 4_000))
    delivered.measure(delivered.new, measured(40_000, 400))
    delivered.now_is += 60


def moves(delivered: Delivered) -> list[str]:
    """That the rollout has made, as the audit has them."""
    return [action for action in delivered.audited() if action in MOVES]


def test_a_look_that_dies_at_any_statement_has_changed_nothing_and_the_next_one_goes_on(
    file_delivered: Delivered,
) -> None:
    file_delivered.start(SHORT)
    died: Counter[str] = Counter()
    while file_delivered.rollout.is_open:
        look_about(file_delivered)
        before = stands(file_delivered)
        for step in itertools.count(1):
            with dying_at(file_delivered.database.engine, step) as steps:
                try:
                    file_delivered.tick(holder=f"number {step}")
                except Died:
                    died[steps[-1].split()[0]] += 1
                    assert stands(file_delivered) == before
                else:
                    break
        assert stands(file_delivered) != before
        assert file_delivered.rollout.revision == file_delivered.now.route.revision
    assert file_delivered.rollout.phase == "Healthy"
    assert moves(file_delivered) == MOVES
    assert [one.event for one in file_delivered.events] == [
        *("started", "ready", "step", "ready", "step", "look", "promoted")
    ]
    assert min(died[kind] for kind in ("SELECT", "INSERT", "UPDATE", "DELETE", "COMMIT")) >= 2


def test_who_asks_for_something_and_dies_has_changed_nothing(file_delivered: Delivered) -> None:
    file_delivered.start(SHORT)
    file_delivered.ready()
    before = stands(file_delivered)
    for step in itertools.count(1):
        with dying_at(file_delivered.database.engine, step):
            try:
                file_delivered.ask("abort")
            except Died:
                assert stands(file_delivered) == before
            else:
                assert step > 20
                break
    assert file_delivered.weights_now == {file_delivered.stable.name: 100.0}
    assert file_delivered.audited().count("rollout.abort") == 1


@pytest.fixture(params=KINDS)
def section(request: pytest.FixtureRequest, sections: Callable[[str], Registry]) -> Registry:
    """A registry on each kind of database."""
    return sections(request.param)


@pytest.fixture
def anywhere(section: Registry, tmp_path: Path) -> Iterator[Delivered]:
    from taxiway.registry.database.session import Database

    database = Database(section)
    made = Delivered(Site(database, tmp_path))
    made.gateway()
    yield made
    database.close()


@pytest.mark.one_stack
def test_a_gateway_that_is_killed_is_followed_by_another(
    anywhere: Delivered, section: Registry, tmp_path: Path
) -> None:
    given = section.model_dump_json(exclude_unset=False)
    with killer(PROGRAM) as looks:
        for _ in range(TIMES[section.kind]):
            anywhere.start(SHORT)
            while anywhere.rollout.is_open:
                look_about(anywhere)
                before = stands(anywhere)
                kill_at = random.randint(2, 25)
                ended = looks.run(tmp_path, given, str(anywhere.now_is), "one", kill_at=kill_at)
                if ended.code == KILLED:
                    assert stands(anywhere) == before
                    anywhere.now_is += 3
                    assert anywhere.tick(holder="another") is not None
                assert stands(anywhere) != before
            assert moves(anywhere)[-3:] == MOVES
            anywhere.promote(anywhere.stable)
