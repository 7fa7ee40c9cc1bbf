"""`taxiway models rollback`: to what served before the one that serves now."""

from __future__ import annotations

import pytest

from taxiway.registry.approval.states import set_state
from taxiway.registry.versions.records import ModelVersion
from tests.conftest import Finished
from tests.taxiway.cli.conftest import Desk


@pytest.fixture
def versions(desk: Desk) -> list[ModelVersion]:
    """Three, of which the first two have served, in their order."""
    made = [desk.queued("one")]
    desk("deploy")
    made.append(desk.queued("two"))
    desk("deploy")
    return made


def rolled_back(desk: Desk, *words: str) -> Finished:
    done = desk("models", "rollback", *words)
    assert done.code == 0, done.err
    return done


def test_it_is_queued_and_deploy_puts_it_above_all_others(
    desk: Desk, versions: list[ModelVersion]
) -> None:
    one, two = versions
    first, second = rolled_back(desk, "tiny", "--reason", "it is slow").out.splitlines()
    assert first == f"{one.subject} is queued, to serve in the place of {two.subject}"
    assert second.startswith("next: taxiway deploy --config")
    assert desk.served() == ["one", "two"]
    desk("deploy")
    assert desk.served() == ["one", "two", "one"]
    last = desk.json("models", "history")["deployments"][-1]
    assert (last["action"], last["reason"]) == ("rollback", "it is slow")


def test_a_rollback_of_a_rollback_is_what_was_rolled_back_from(
    desk: Desk, versions: list[ModelVersion]
) -> None:
    del versions
    for _ in range(3):
        rolled_back(desk)
        desk("deploy")
    assert desk.served() == ["one", "two", "one", "two", "one"]


def test_asked_twice_before_it_is_deployed_it_waits_once(
    desk: Desk, versions: list[ModelVersion]
) -> None:
    rolled_back(desk)
    assert rolled_back(desk).out.startswith(f"{versions[0].subject} waits in the queue already")
    assert len(desk.json("models", "history")["waiting"]) == 1


def test_it_can_go_further_back_by_name(desk: Desk, versions: list[ModelVersion]) -> None:
    desk.queued("three")
    desk("deploy")
    made = desk.json("models", "rollback", "--to", versions[0].name)
    assert made["version"] == versions[0].subject
    desk("deploy")
    assert desk.served()[-1] == "one"


def test_what_waits_is_not_published_before_it(desk: Desk, versions: list[ModelVersion]) -> None:
    del versions
    desk.queued("three")
    rolled_back(desk)
    desk("deploy")
    assert desk.served() == ["one", "two", "one"]


def test_what_may_not_serve_any_more_is_refused(desk: Desk, versions: list[ModelVersion]) -> None:
    with desk.database.working() as connection:
        set_state(connection, versions[0], "", "rejected", "it is unfair")
    done = desk("models", "rollback")
    assert done.code == 1
    assert f"{versions[0].subject} is rejected: it is unfair" in done.err
    assert desk.json("models", "history")["waiting"] == []


REFUSED = (
    (["--to", "{two}"], 1, "tiny/{two} is what serves now"),
    (["--to", "{three}"], 1, "tiny/{three} has never served, so it is nothing to go back to"),
    (["--to", "9.9.9"], 2, "tiny has no version '9.9.9'"),
    (["-e", "staging"], 1, "no deployment of tiny in staging has been acknowledged"),
)


@pytest.mark.parametrize(("words", "code", "told"), REFUSED, ids=lambda part: str(part)[:20])
def test_what_cannot_be_gone_back_to_is_refused(
    desk: Desk, versions: list[ModelVersion], words: list[str], code: int, told: str
) -> None:
    names = {"two": versions[1].name, "three": desk.queued("three").name}
    done = desk("models", "rollback", *(word.format(**names) for word in words))
    assert done.code == code
    assert told.format(**names) in done.err


def test_the_first_that_served_has_none_before_it(desk: Desk) -> None:
    version = desk.queued("one")
    desk("deploy")
    done = desk("models", "rollback")
    assert done.code == 1
    assert f"{version.subject} serves, and no other version of tiny has served" in done.err
