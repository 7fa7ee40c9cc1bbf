"""`taxiway deploy`, once and watching, as a person and as a service manager use it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.taxiway.cli.conftest import Desk
from tests.tied import tied


def test_what_waits_is_published_and_told(desk: Desk) -> None:
    version = desk.queued("one")
    done = desk("deploy")
    (place,) = desk.serving.iterdir()
    assert (done.code, done.out) == (0, f"{version.subject} serves from {place} (copied)\n")
    assert desk("deploy").out == "nothing of tiny waits to be deployed\n"


def test_json_lists_what_was_done(desk: Desk) -> None:
    version = desk.queued("one")
    (outcome,) = desk.json("deploy")
    assert outcome == {
        "version": version.subject,
        "environment": "",
        "action": "deploy",
        "queued_by": "ann",
        "state": "done",
        "place": str(next(desk.serving.iterdir())),
        "copied": True,
        "reason": "",
    }
    assert desk.json("deploy") == []


def test_a_refusal_is_told_with_exit_code_1_and_the_rest_is_done(desk: Desk) -> None:
    first = desk.queued("one")
    desk.queued("two")
    shutil.rmtree(first.candidate.pushed_to)
    done = desk("deploy")
    assert done.code == 1
    refused, served = done.out.splitlines()
    assert refused.startswith(f"{first.subject} is refused: {first.subject} is nowhere whole")
    assert served.endswith("(copied)")


def test_what_another_deployer_holds_is_told(desk: Desk) -> None:
    from taxiway.registry.deploy.queue import DeployQueue

    version = desk.queued("one")
    DeployQueue(desk.database).take("tiny", "pod-7:1")
    done = desk("deploy")
    assert done.code == 0
    assert done.out.startswith(f"{version.subject} is held by pod-7:1, until 20")


def test_a_destination_that_cannot_be_written_is_an_error_and_the_entry_waits(desk: Desk) -> None:
    desk.queued("one")
    desk.serving.parent.mkdir()
    desk.serving.write_text("no folder")
    done = desk("deploy")
    assert done.code == 1
    assert "edit: push.destination" in done.err
    desk.serving.unlink()
    assert desk("deploy").code == 0


def test_a_strategy_that_gateways_carry_out_is_told_and_the_entry_waits(desk: Desk) -> None:
    version = desk.queued("one")
    steps = "delivery.strategy={kind: canary, steps: [{setWeight: 5}]}"
    done = desk("deploy", "--set", steps)
    assert done.code == 2
    assert "delivery.strategy.kind is 'canary', which gateways carry out" in done.err
    assert "`taxiway serve`; or here `--set delivery.strategy.kind=at_once`" in done.err
    assert not desk.serving.exists()
    done = desk("deploy", "--set", steps, "--set", "delivery.strategy.kind=at_once")
    assert done.out.startswith(f"{version.subject} serves from")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_watching_goes_on_until_it_is_told_to_stop(desk: Desk, stop: signal.Signals) -> None:
    first = desk.queued("one")
    command = (sys.executable, "-m", "taxiway", "deploy", "--watch", "--json", "--interval", "0.1")
    with subprocess.Popen(
        tied(*command, *desk.options),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["version"] == first.subject
        second = desk.queued("two")
        assert json.loads(process.stdout.readline())["version"] == second.subject
        process.send_signal(stop)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")
    assert desk.served() == ["one", "two"]


def test_watching_outlives_what_goes_wrong(desk: Desk) -> None:
    desk.queued("one")
    desk.serving.parent.mkdir()
    desk.serving.write_text("no folder")
    command = (sys.executable, "-m", "taxiway", "deploy", "--watch", "--interval", "0.1")
    with subprocess.Popen(
        tied(*command, *desk.options),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline().startswith("error: cannot push the model to")
        Path(desk.serving).unlink()
        assert process.stdout.readline() == "watching the queue of tiny; Ctrl-C ends\n"
        assert process.stdout.readline().endswith("(copied)\n")
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0
