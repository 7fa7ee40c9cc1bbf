"""How often a node is tried: within its pod, in pods that follow, and after the run has ended.

A real node that is killed, and tried again by its real supervisor, is in test_supervisor.py.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.metadata.records import NodeRecord
from taxiway.metadata.store import run_store
from taxiway.process.provenance import GIT_COMMIT, GIT_DIRTY, IMAGES
from taxiway.runners.kubeflow.task import supervisor
from taxiway.runners.kubeflow.task.job import EXIT_NODE, NodeJob
from tests.conftest import TINY
from tests.taxiway.runners.kubeflow import flaky_pipeline

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("kubeflow")]

RUN = "a-run"

Supervise = Callable[..., int]


class TestWithinAPod:
    """The supervisor alone, with a script in the place of Python and so of the attempt."""

    @pytest.fixture
    def supervise(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Supervise:
        """`supervise("exit 1", "exit 0", ...)`: what each attempt does."""
        script = tmp_path / "python"
        script.write_text(
            f'#!/bin/sh\nfor last; do :; done\necho "$@" >>{tmp_path}/started\n'
            f'eval "$(sed -n "${{last}}p" {tmp_path}/attempts)"\n'
        )
        script.chmod(0o755)
        monkeypatch.setattr(supervisor.sys, "executable", str(script))
        monkeypatch.setattr(supervisor, "enter_project", lambda: None)
        # Nothing of ML Metadata, as for the exit task: who writes there is tried below.
        job = NodeJob(EXIT_NODE, {"pipeline": {"name": "parcels"}}, "0" * 64).pack()

        def call(*attempts: str, options: tuple[str, ...] = ("--attempts", "3")) -> int:
            (tmp_path / "attempts").write_text("\n".join(attempts) + "\n")
            return supervisor.main(["--job", job, "--run-id", RUN, *options])

        return call

    @staticmethod
    def started(tmp_path: Path) -> list[str]:
        lines = (tmp_path / "started").read_text().splitlines()
        return [line.rpartition("--attempt ")[2] for line in lines]

    @pytest.mark.parametrize(
        ("attempts", "code", "made"),
        [
            (("exit 0",), 0, 1),
            (("exit 1", "exit 0"), 0, 2),
            (("exit 1", "kill -9 $$", "exit 0"), 0, 3),
            (("exit 1", "exit 1", "exit 1", "exit 0"), 1, 3),
            (("exit 2", "exit 0"), 1, 1),
            (("exit 1", "exit 2", "exit 0"), 1, 2),
        ],
    )
    def test_it_tries_again_what_another_attempt_can_mend(
        self, supervise: Supervise, attempts: tuple[str, ...], code: int, made: int, tmp_path: Path
    ) -> None:
        assert supervise(*attempts) == code
        assert self.started(tmp_path) == [str(number) for number in range(1, made + 1)]

    def test_a_slow_attempt_is_ended_and_another_one_follows(
        self, supervise: Supervise, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        options = ("--attempts", "2", "--timeout-seconds", "0.3", "--backoff", "0.01", "2")
        assert supervise("sleep 60", "exit 0", options=options) == 0
        assert capfd.readouterr().err.splitlines() == [
            "exit took longer than 0.3 s",
            "exit attempt 2 of 2 in 0.01 s",
        ]

    def test_waits_grow(self, supervise: Supervise, capfd: pytest.CaptureFixture[str]) -> None:
        options = ("--attempts", "4", "--backoff", "0.02", "3")
        assert supervise(*["exit 1"] * 4, options=options) == 1
        waits = re.findall(r"attempt (\d) of 4 in ([\d.]+) s", capfd.readouterr().err)
        assert waits == [("2", "0.02"), ("3", "0.06"), ("4", "0.18")]

    def test_without_a_number_it_is_tried_once(self, supervise: Supervise, tmp_path: Path) -> None:
        assert supervise("exit 1", "exit 0", options=()) == 1
        assert self.started(tmp_path) == ["1"]

    @pytest.mark.parametrize("when", ["at work", "waiting"])
    def test_one_that_is_told_to_stop_is_not_tried_again(
        self, supervise: Supervise, when: str, tmp_path: Path
    ) -> None:
        first = "sleep 60" if when == "at work" else "exit 1"

        def stop() -> None:
            while not (tmp_path / "started").exists():
                time.sleep(0.01)
            time.sleep(0.1)  # nothing else tells that it waits
            os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=stop)
        thread.start()
        options = ("--attempts", "3", "--backoff", "60", "2")
        assert supervise(first, "exit 0", options=options) == 1
        thread.join()
        assert self.started(tmp_path) == ["1"]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load_config(
        [TINY], [f"output.root={tmp_path}", f"pipeline.module={flaky_pipeline.__name__}"]
    )


def attempt(config: Config, *words: str, last: bool = False) -> int:
    from taxiway.runners.kubeflow.task.attempt import Attempt
    from taxiway.runners.kubeflow.task.outputs import TaskOutputs

    Path(config.output.root, "words").write_text("\n".join(words))
    return Attempt(config, "Flaky", RUN, TaskOutputs("{}")).run(last=last)


def record(config: Config) -> NodeRecord:
    found = run_store(config.metadata).node(RUN, "Flaky")
    assert found is not None
    return found


def test_the_run_keeps_the_commit_that_it_was_compiled_from(config: Config) -> None:
    from taxiway.runners.kubeflow.task.attempt import Attempt
    from taxiway.runners.kubeflow.task.outputs import TaskOutputs

    Path(config.output.root, "words").write_text("well")
    commit = {GIT_COMMIT: "abc123", GIT_DIRTY: "false"}
    assert Attempt(config, "Flaky", RUN, TaskOutputs("{}"), commit=commit).run() == 0
    kept = run_store(config.metadata).properties(RUN)
    assert (kept[GIT_COMMIT], kept[GIT_DIRTY]) == ("abc123", "false")
    assert json.loads(kept[IMAGES])["kubeflow.image"] == config.kubeflow.image


class TestAcrossPods:
    """Argo may start another pod after one that failed (its policy before 2.17) or vanished."""

    @pytest.mark.parametrize("word", ["wrong data", "wrong config", "a gate"])
    def test_what_no_attempt_can_mend_is_told_as_final_and_stands(
        self, config: Config, word: str
    ) -> None:
        assert attempt(config, word) == supervisor.EXIT_FINAL
        first = record(config)
        assert (first.state, first.error) == ("FAILED", f"ended by {word}")
        assert attempt(config, "well") == supervisor.EXIT_FINAL
        assert record(config) == first

    @pytest.mark.parametrize(
        ("word", "code"),
        [
            ("a mistake", supervisor.EXIT_FINAL),
            ("a shard that cannot", supervisor.EXIT_FINAL),
            ("a shard that may", 1),
            ("a connection", 1),
        ],
    )
    def test_errors_are_told_apart_as_workers_tell_those_of_shards(
        self, config: Config, word: str, code: int
    ) -> None:
        assert attempt(config, word) == code

    @pytest.mark.parametrize("word", ["known", "unknown"])
    def test_what_may_pass_is_tried_again_until_the_last_attempt(
        self, config: Config, word: str
    ) -> None:
        assert attempt(config, word) == 1
        assert not record(config).given_up
        assert attempt(config, word, last=True) == 1
        assert record(config).given_up
        assert attempt(config, "well") == supervisor.EXIT_FINAL  # another pod
        run_store(config.metadata).allow_attempts(RUN)  # the exit task: the run has ended
        assert attempt(config, "well") == 0
        assert (record(config).state, record(config).given_up) == ("COMPLETE", False)

    def test_a_failure_before_success_leaves_nothing(self, config: Config) -> None:
        assert attempt(config, "unknown") == 1
        first = record(config)
        assert attempt(config, "well") == 0
        second = record(config)
        assert second.execution_id == first.execution_id
        assert (second.error, second.error_kind) == ("", None)
        model = second.output("model")
        assert model is not None
        assert (Path(model.uri) / "made").read_text() == "well"
