"""`taxiway rollout`: who moves traffic reads what became of it, and scripts read JSON."""

from __future__ import annotations

import dataclasses

import pytest

from taxiway.registry.catalog.aliases import move_alias
from taxiway.registry.routes.gateways import Gateway, beat
from taxiway.registry.versions.records import ModelVersion
from tests.taxiway.cli.conftest import Desk
from tests.taxiway.registry.conftest import ANN

NOBODY = "no gateway is running, so nobody serves; next: taxiway serve\n"


@pytest.fixture
def versions(desk: Desk) -> list[ModelVersion]:
    """Two, deployed one after another."""
    made = []
    for content in ("one", "two"):
        made.append(desk.queued(content))
        assert desk("deploy").code == 0
    return made


def gateway(desk: Desk, revision: int, error: str = "", version: str = "") -> Gateway:
    """One that serves, as far as the registry knows."""
    state = {"state": "END" if error else "AVAILABLE", "error": error}
    states = {"tiny": {version: state}}
    made = dataclasses.replace(Gateway.here(""), revisions={"tiny": revision}, states=states)
    beat(desk.database, made)
    return made


def test_promote_undo_and_weights_say_what_has_traffic_and_what_had(
    desk: Desk, versions: list[ModelVersion]
) -> None:
    one, two = (version.name for version in versions)
    move_alias(desk.database, versions[0], "older", ANN)
    done = desk("rollout", "promote", "@older", "-m", "it is slow")
    told = f"tiny: {one} 100% (revision 3; before: {two} 100%)\n"
    assert (done.code, done.out) == (0, told + NOBODY)
    done = desk("rollout", "undo")
    told = f"tiny: {two} 100% (revision 4; before: {one} 100%)\n"
    assert (done.code, done.out) == (0, told + NOBODY)
    done = desk("rollout", "weights", f"{two}=90", f"tiny/{one}=10")
    told = f"tiny: {two} 90%, {one} 10% (revision 5; before: {two} 100%)\n"
    assert (done.code, done.out) == (0, told + NOBODY)
    done = desk("rollout", "weights", f"{two}=90", f"{one}=10")
    assert done.out == f"tiny: {two} 90%, {one} 10% (revision 5: it was so already)\n" + NOBODY
    lines = desk("models", "history").out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        [versions[0].subject, "100"],
        [versions[1].subject, "100"],
        [versions[0].subject, "100"],
        [versions[1].subject, "100"],
        [versions[1].subject, "90"],
        [versions[0].subject, "10"],
    ]
    assert [line.split()[-1] == "weights" for line in lines[1:]] == [False] * 4 + [True] * 2
    assert "with 10% of the traffic" in desk("models", "show", versions[0].subject).out
    assert desk("audit", "verify").code == 0


def test_status_says_how_it_is_and_what_undo_would_do(
    desk: Desk, versions: list[ModelVersion]
) -> None:
    one, two = (version.name for version in versions)
    found = desk.json("rollout", "status")
    assert (found["model"], found["revision"], found["action"]) == ("tiny", 2, "deploy")
    assert [(arm["name"], arm["version"], arm["weight"]) for arm in found["arms"]] == [
        ("stable", two, 100.0)
    ]
    assert [(arm["version"], arm["weight"]) for arm in found["undo"]] == [(one, 100.0)]
    assert found["gateways"] == []
    ready, late = gateway(desk, 2), gateway(desk, 1, "its digest is another", two)
    out = desk("rollout", "status").out
    assert out.splitlines()[0].startswith("tiny, revision 2, deploy by ")
    assert f"undo goes back to {one} 100%" in out
    assert f"{ready.host}:{ready.pid}" in out
    assert f"{two} is END: its digest is another" in out
    assert [entry["id"] for entry in desk.json("rollout", "status")["gateways"]] == sorted(
        [ready.id, late.id], key=[ready.id, late.id].index
    )


def test_a_gateway_that_has_not_taken_it_up_is_named_with_why_and_the_exit_code_is_1(
    desk: Desk, versions: list[ModelVersion]
) -> None:
    one, _ = (version.name for version in versions)
    ready, late = gateway(desk, 3), gateway(desk, 2, "its digest is another", one)
    done = desk("rollout", "promote", one, "--wait", "0")
    assert done.code == 1
    assert done.out.splitlines()[1] == "taken up by 1 gateway"
    assert done.err == (
        f"gateway {late.host}:{late.pid} has not taken it up after 0 s: "
        f"{one} is END: its digest is another\n"
    )
    done = desk("rollout", "promote", one, "--wait", "0", "--json")
    assert done.code == 1
    assert f'"{ready.host}:{ready.pid}"' in done.out
    assert '"moved": false' in done.out


def test_one_that_was_moved_since_it_was_looked_at_is_left(
    desk: Desk, versions: list[ModelVersion]
) -> None:
    assert desk("rollout", "promote", versions[0].name).code == 0
    done = desk("rollout", "undo", "--revision", "2")
    assert done.code == 1
    assert "is at revision 3, and 2 was expected" in done.err
    assert "rollout status" in done.err
    assert desk.json("rollout", "status")["revision"] == 3


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("promote", "9.9.9"), 2, "no version '9.9.9'"),
        (("weights", "1.0.0"), 2, "received '1.0.0', expected VERSION=PERCENT"),
        (("weights", "1.0.0=50"), 2, "the weights are 50, expected 100"),
        (("weights", "1.0.0=0", "1.1.0=100"), 2, "received the weight '0'"),
        (("undo", "--model", "ships"), 1, "no version of ships serves"),
        (("undo", "-e", "staging"), 1, "no version of tiny serves in staging"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_moves(
    desk: Desk, versions: list[ModelVersion], words: tuple[str, ...], code: int, told: str
) -> None:
    done = desk("rollout", *words)
    assert (done.code, told in done.err) == (code, True), done.err
    assert desk.json("rollout", "status")["revision"] == 2
    assert versions


def test_with_nothing_deployed_status_says_so(desk: Desk) -> None:
    assert desk("rollout", "status").out == "no version of tiny serves; next: taxiway serve\n"
    assert desk.json("rollout", "status")["arms"] == []
