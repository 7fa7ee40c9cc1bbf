"""`taxiway models history`: what served, when, and what was not acknowledged."""

from __future__ import annotations

import json
import shlex

import pytest

from tests.taxiway.cli.conftest import Desk


def test_nothing_acknowledged_names_the_command_that_does_it(desk: Desk) -> None:
    version = desk.queued("one")
    first, second = desk("models", "history").out.splitlines()
    assert first == "no deployment of tiny has been acknowledged, as `taxiway deploy` does"
    told, _, command = second.partition("; next: ")
    assert told == f"1 in the queue: {version.subject}"
    assert shlex.split(command) == ["taxiway", "deploy", *desk.options]


def test_each_deployment_has_a_line_and_the_last_one_serves(desk: Desk) -> None:
    versions = [desk.queued("one")]
    desk("deploy")
    versions.append(desk.queued("two"))
    desk("deploy")
    heads, *lines = desk("models", "history", "tiny").out.splitlines()
    assert heads.split()[:5] == ["version", "weight", "%", "since", "until"]
    assert [line.split()[0] for line in lines] == [version.subject for version in versions]
    assert "serves now" not in lines[0]
    assert "serves now" in lines[1]


def test_json_has_who_and_where_and_what_waits(desk: Desk) -> None:
    version = desk.queued("one")
    desk("deploy")
    waiting = desk.queued("two")
    found = desk.json("models", "history")
    assert (found["model"], found["environment"], found["at"]) == ("tiny", "", None)
    (deployment,) = found["deployments"]
    assert deployment["version"] == version.name
    assert deployment["queued_by"] == "ann"
    assert deployment["place"] == str(next(desk.serving.iterdir()))
    assert deployment["until"] == ""
    assert found["waiting"] == [waiting.subject]


class TestAt:
    """Which one served then."""

    @pytest.fixture(autouse=True)
    def _two_deployments(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        from taxiway.registry.deploy import history

        for content, day in (("one", "2026-02-01"), ("two", "2026-03-01")):
            desk.queued(content)
            with monkeypatch.context() as patched:
                patched.setattr(history, "now", lambda day=day: f"{day}T12:00:00.000000Z")
                desk("deploy")

    @pytest.mark.parametrize(
        ("at", "places"),
        [
            ("2026-02-01T12:00Z", [0]),
            ("2026-02-01T12:00:00.000000Z", [0]),
            ("2026-03-01T11:59:59.999999Z", [0]),
            ("2026-03-01T12:00:00.000000Z", [1]),
            ("2026-03-01T12:00+01:00", [0]),
            ("2026-03-01T07:30-0500", [1]),
            ("2026-03-01 13:00", [1]),
            ("2026-03-01", [0, 1]),
            ("2026-02", [0]),
            ("2026", [0, 1]),
            ("2026-02-01T11:59Z", []),
            ("0500-01-01", []),
        ],
    )
    def test_it_is_who_served_for_all_of_that_time_or_a_part(
        self, desk: Desk, at: str, places: list[int]
    ) -> None:
        every = desk.json("models", "history")["deployments"]
        found = desk.json("models", "history", "--at", at)["deployments"]
        assert found == [every[place] for place in places]

    def test_before_the_first_nothing_did_as_far_as_is_known(self, desk: Desk) -> None:
        assert desk("models", "history", "--at", "2026-01-01T12:00Z").out == (
            "nothing of tiny served then: the first did from 2026-02-01T12:00:00.000000Z on\n"
        )

    @pytest.mark.parametrize(
        "at",
        ["yesterday", "2026-02-30", "2026-03-01T25:00Z", "01.03.2026", "2026-03-01T12:00 CET", "3"],
    )
    def test_what_is_no_time_is_refused(self, desk: Desk, at: str) -> None:
        done = desk("models", "history", "--at", at)
        assert done.code == 2
        assert f"received '{at}', which is no time: expected such as 2026-03-01T12:00Z" in done.err

    def test_a_time_that_has_not_come_is_refused(self, desk: Desk) -> None:
        done = desk("models", "history", "--at", "9000-01-01")
        assert done.code == 2
        assert "'9000-01-01' is 9000-01-01T00:00:00.000000Z, which has not come" in done.err


def test_a_model_that_is_not_there_is_refused_with_a_hint(desk: Desk) -> None:
    desk.queued("one")
    done = desk("models", "history", "tinny")
    assert done.code == 2
    assert "did you mean 'tiny'?" in done.err


def test_another_environment_is_asked_for_by_name(desk: Desk) -> None:
    desk.queued("one")
    desk("deploy")
    found = json.loads(desk("models", "history", "-e", "staging", "--json").out)
    assert found["deployments"] == []
    assert desk("models", "history", "-e", "staging").out == (
        "no deployment of tiny in staging has been acknowledged, as `taxiway deploy` does\n"
    )
