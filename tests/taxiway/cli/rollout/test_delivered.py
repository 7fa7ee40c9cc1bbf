"""`taxiway rollout` by steps: each command says how the rollout stands, and scripts read JSON."""

from __future__ import annotations

import dataclasses
import io
import json
from functools import partial
from pathlib import Path

import pytest

from taxiway.cli.rollout import status
from taxiway.delivery.evidence.measured import Measured, latency_bucket
from taxiway.delivery.evidence.records import AUDIENCE, Of, write_measurements
from taxiway.delivery.rollout import requests
from taxiway.delivery.rollout.apply import request, tick
from taxiway.delivery.rollout.records import rollouts_of
from taxiway.delivery.rollout.state import Rollout
from taxiway.registry.auth.actor import Permission
from taxiway.registry.routes.gateways import Gateway, beat
from taxiway.registry.routes.records import revisions
from taxiway.registry.versions.records import ModelVersion
from taxiway.runners.console.terminal import TerminalConsole
from tests.conftest import CommandLine
from tests.taxiway.cli.conftest import Desk
from tests.taxiway.registry.conftest import ANN

CONFIG = """
delivery:
  strategy:
    kind: canary
    steps:
      - setWeight: 5
      - analysis: {interval: 60, count: 2, metrics: [{name: error_rate}]}
      - setWeight: 50
      - pause: {}
"""


class Steps(Desk):
    """With two versions deployed, and a config with a canary."""

    def __init__(self, root: Path, here: CommandLine) -> None:
        super().__init__(root, here)
        self.versions: list[ModelVersion] = []
        self.ahead = 0.0
        for content in ("one", "two"):
            self.versions.append(self.queued(content))
            assert self("deploy").code == 0
        (root / "canary.yaml").write_text(CONFIG)
        self.options = (*self.options, "--config", str(root / "canary.yaml"))
        self.new, self.stable = (version.name for version in self.versions)
        self._gateway = Gateway.here("")

    @property
    def rollout(self) -> Rollout:
        with self.database.reading() as connection:
            return rollouts_of(connection, "tiny", "")[0]

    def gateway_looks(self, seconds: float = 0.0) -> None:
        """It takes up the route, and moves the rollout on."""
        self.ahead += seconds
        with self.database.reading() as connection:
            made = revisions(connection, ["tiny"], "")
        beat(self.database, dataclasses.replace(self._gateway, revisions=made))
        now = self.rollout.since + self.ahead
        tick(self.database, ANN, "tiny", "", "one", 3.0, lambda: now)

    def measured(self, version: str, requests: int, errors: int) -> None:
        of = Of("tiny", "", self.rollout.revision, version, AUDIENCE)
        latency = {latency_bucket(0.005): requests - errors}
        found = Measured(requests, errors, requests - errors, latency=latency)
        with self.database.working() as connection:
            write_measurements(connection, "one", [(of, found)])


class Screen(io.StringIO):
    """A terminal, in front of which someone ends a rollout as soon as it is shown."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps

    def write(self, text: str) -> int:
        if "▸" in text and self._steps.rollout.is_open:
            with self._steps.database.changing(ANN, Permission.DEPLOY) as change:
                request(change, "tiny", "", partial(requests.abort, by="ann"), "abort")
        return super().write(text)


@pytest.fixture
def steps(tmp_path: Path, here: CommandLine) -> Steps:
    return Steps(tmp_path, here)


def test_each_command_says_how_the_rollout_stands(steps: Steps) -> None:
    new, stable = steps.new, steps.stable
    of = f"tiny: rollout 1 of {new} beside {stable} is"
    done = steps("rollout", "start", new)
    nobody = "no gateway is running, so nobody moves it on; next: taxiway serve\n"
    assert (done.code, done.out) == (
        0,
        f"{of} Progressing with 0%: the new version is loaded\n{nobody}",
    )
    done = steps("rollout", "pause", "-m", "lunch")
    assert done.out.startswith(f"{of} Paused with 0%: paused by ")
    assert done.out.endswith(": lunch\n")
    steps.gateway_looks()
    assert steps("rollout", "resume").out.startswith(f"{of} Progressing with 0%: resumed by ")
    steps.gateway_looks()
    steps.gateway_looks()
    done = steps("rollout", "promote", "--wait", "0")
    assert (done.code, done.out) == (1, f"{of} Progressing with 50%: setWeight 50\n")
    assert "has not taken it up after 0 s" in done.err
    done = steps("rollout", "promote", "--full", "--wait", "0", "--json")
    assert (done.code, json.loads(done.out)["phase"]) == (1, "Healthy")
    assert steps.json("rollout", "status")["arms"][0]["version"] == new


def test_status_shows_steps_and_the_last_look_with_each_metrics_interval(steps: Steps) -> None:
    assert steps.json("rollout", "status")["rollout"] is None
    steps("rollout", "start", steps.new)
    steps.gateway_looks()
    steps.gateway_looks()
    steps.measured(steps.stable, 400_000, 4_000)
    steps.measured(steps.new, 20_000, 200)
    steps.gateway_looks(60)
    out = steps("rollout", "status").out
    assert f"rollout 1: {steps.new} beside {steps.stable}, canary, started by " in out
    assert "Progressing with 5%: analysis 2 x 60 s: error_rate" in out
    lines = [line.split() for line in out.splitlines()]
    assert ["✓", "setWeight", "5"] in lines
    assert ["setWeight", "50"] in lines
    assert "1 of 2 good, 0 bad, 0 told nothing; next look in" in out
    assert "success (400,000 and 20,000 requests)" in out
    (row,) = (line for line in lines if line[:1] == ["error_rate"])
    assert row[1:4] == ["0.01", "0.01", "0"]
    assert float(row[4]) < 0 < float(row[5]) < 0.005
    assert row[6] == "success"
    found = steps.json("rollout", "status")["rollout"]
    assert (found["phase"], found["step"], found["weight"]) == ("Progressing", 1, 5.0)
    assert found["looks"][0]["metrics"][0]["verdict"] == "success"


def test_history_tells_what_happened_in_each_and_why(steps: Steps) -> None:
    assert steps("rollout", "history").out == (
        "no rollout of tiny yet; next: taxiway rollout start\n"
    )
    steps("rollout", "start", steps.new, "-m", "try it")
    steps.gateway_looks()
    steps.gateway_looks()
    steps.measured(steps.stable, 95_000, 950)
    steps.measured(steps.new, 5_000, 150)
    steps.gateway_looks(60)
    steps("rollout", "start", steps.new)
    out = steps("rollout", "history").out
    first, second = out.split("rollout 2 of ")
    assert first.startswith(f"rollout 1 of tiny/{steps.new} beside {steps.stable} (canary): ")
    assert "Degraded: analysis failed: error_rate: 0.02 (" in first.splitlines()[0]
    assert [line.split()[1] for line in first.splitlines()[2:]] == [
        *("started", "ready", "step", "ready", "step", "look", "aborted")
    ]
    assert "reason try it" in first
    assert "failure (error_rate failure: 0.02 (" in first
    assert second.startswith(f"tiny/{steps.new} beside {steps.stable} (canary): Progressing: ")
    assert steps("rollout", "history", "1").out == first
    found = steps.json("rollout", "history", "--most", "1")
    assert [(one["id"], one["events"][0]["event"]) for one in found] == [(2, "started")]
    assert steps("rollout", "history", "9").code == 2


def test_looks_with_one_verdict_are_one_line_of_the_history(steps: Steps) -> None:
    assert steps("rollout", "start", steps.new).code == 0
    steps.gateway_looks()
    steps.gateway_looks()
    for asked in (40, 80, 120):  # so few that a look can say nothing
        steps.measured(steps.stable, 19 * asked, asked)
        steps.measured(steps.new, asked, 2)
        steps.gateway_looks(60)
    at = [
        one["at"] for one in steps.json("rollout", "history")[0]["events"] if one["event"] == "look"
    ]
    out = steps("rollout", "history").out
    (line,) = (line for line in out.splitlines() if line.split()[1:2] == ["look"])
    assert len(at) == 3
    assert line.startswith(at[-1])
    assert line.endswith(f", 3 times since {at[0]}")


@pytest.mark.parametrize(("how", "code"), [("promote", 0), ("abort", 1)])
def test_watch_ends_with_the_rollout_and_its_exit_code_says_how(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, how: str, code: int
) -> None:
    monkeypatch.setattr(status, "_LOOK_SECONDS", 0.01)
    assert steps("rollout", "status", "--watch").code == 2
    steps("rollout", "start", steps.new)
    options = ("--full",) if how == "promote" else ()
    assert steps("rollout", how, *options, "--wait", "0").code == 0
    done = steps("rollout", "status", "--watch")
    assert done.code == code
    assert ("✓  all traffic" in done.out) == (code == 0)
    assert json.loads(steps("rollout", "status", "--watch", "--json").out)["step"] in (-1, 4)


def test_watch_shows_it_on_a_terminal_until_it_ends(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen(steps)
    console = TerminalConsole(file=screen, force_terminal=True, width=120)
    monkeypatch.setattr(status, "table_console", lambda: console)
    monkeypatch.setattr(status, "_LOOK_SECONDS", 0.01)
    steps("rollout", "start", steps.new)
    done = steps("rollout", "status", "--watch")
    assert (done.code, done.out) == (1, "")
    first, last = screen.getvalue().index("▸  load"), screen.getvalue().rindex("✗  load")
    assert first < last
    assert "Degraded with 0%: aborted by ann" in screen.getvalue()
