"""`taxiway submit`: what it prints, how it waits, and its exit codes."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.runners.kubeflow.client import command
from taxiway.runners.kubeflow.client.command import Options, submit_pipeline
from taxiway.runners.kubeflow.client.connection import connect
from taxiway.runners.kubeflow.client.follow import follow, task_names
from tests.conftest import TINY, taxiway
from tests.taxiway.runners.kubeflow.client.conftest import (
    LOGIN,
    PIPELINE,
    TOKEN,
    always,
    config_for,
)
from tests.taxiway.runners.kubeflow.client.kfp_server import Answer, Kfp, problem, run, task


class TestFollow:
    """Polls that a server answers one after the other, and no waiting between them."""

    def follow(self, kfp: Kfp, *progress: Any, terminal: bool = False) -> tuple[Any, str, Any]:
        kfp.progress[:] = progress
        naps: list[float] = []
        console = Console(file=io.StringIO(), width=120, force_terminal=terminal)
        connection = connect(config_for(kfp).kubeflow)
        end = follow(
            connection, "run", task_names(PIPELINE), console, sleep=naps.append, poll_seconds=1.0
        )
        return end, str(console.file.getvalue()), naps  # type: ignore[attr-defined]  # it is a StringIO

    def test_each_change_of_a_task_is_one_line(self, kfp: Kfp) -> None:
        end, told, naps = self.follow(
            kfp,
            run("PENDING"),
            run("RUNNING", task("root-driver", "SUCCEEDED", 1), task("transform", "RUNNING")),
            run("RUNNING", task("transform", "RUNNING"), task("executor", "RUNNING")),
            run("RUNNING", task("transform", "SUCCEEDED", 12), task("trainer", "RUNNING")),
            run("SUCCEEDED", task("transform", "SUCCEEDED", 12), task("trainer", "SUCCEEDED", 30)),
        )
        assert end.succeeded
        assert [line.split() for line in told.splitlines()] == [
            ["transform", "running"],
            ["transform", "done", "12", "s"],
            ["trainer", "running"],
            ["trainer", "done", "30", "s"],
        ]
        assert naps == [1.0] * 4

    def test_a_terminal_shows_a_table(self, kfp: Kfp) -> None:
        _, told, _ = self.follow(
            kfp, run("SUCCEEDED", task("transform", "SUCCEEDED", 12)), terminal=True
        )
        assert "transform" in told
        assert "done" in told
        assert "root-driver" not in told

    def test_a_failed_run_names_its_tasks_and_the_reason(self, kfp: Kfp) -> None:
        end, _, _ = self.follow(
            kfp, run("FAILED", task("trainer", "FAILED", 2), error="child exited with 1")
        )
        assert not end.succeeded
        assert end.reason == "failed: trainer; child exited with 1"

    def test_a_canceled_run_has_ended_too(self, kfp: Kfp) -> None:
        assert self.follow(kfp, run("CANCELED"))[0].state == "CANCELED"

    def test_a_short_outage_is_outlasted_with_longer_and_longer_pauses(self, kfp: Kfp) -> None:
        down = problem(503, 14, "unavailable")
        end, told, naps = self.follow(kfp, run("RUNNING"), down, down, down, run("SUCCEEDED"))
        assert end.succeeded
        assert naps == [1.0, 1.0, 2.0, 4.0]
        assert "answered 503: unavailable; trying again in 2 s" in told

    def test_a_long_outage_ends_the_waiting_but_not_the_run(self, kfp: Kfp) -> None:
        with pytest.raises(TaxiwayError, match="answered 503") as error:
            self.follow(kfp, problem(503, 14, "unavailable"))
        assert f"the run goes on: {kfp.url}/#/runs/details/run" in error.value.message
        assert ":terminate" in error.value.message

    def test_an_expired_token_is_not_outlasted(self, kfp: Kfp) -> None:
        with pytest.raises(TaxiwayError, match=r"does not know you \(401\)") as error:
            self.follow(kfp, run("RUNNING"), problem(401, 16, "expired"))
        assert "the run goes on" in error.value.message

    def test_ctrl_c_leaves_the_run_going_and_says_so(self, kfp: Kfp) -> None:
        def interrupt(_: float) -> None:
            raise KeyboardInterrupt

        kfp.progress[:] = [run("RUNNING")]
        console = Console(file=io.StringIO(), width=80)
        connection = connect(config_for(kfp).kubeflow)
        with pytest.raises(KeyboardInterrupt):
            follow(connection, "run", (), console, sleep=interrupt)
        told = console.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
        assert f"no longer waiting; the run goes on: {kfp.url}/#/runs/details/run" in told
        assert f"{kfp.url}/apis/v2beta1/runs/run:terminate" in told
        assert "$KUBEFLOW_TOKEN" in told


class TestCommand:
    """`taxiway submit` whole, with a compiler that is at once done."""

    @pytest.fixture(autouse=True)
    def _compiler(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(command, "compiled", lambda *_: PIPELINE)

    def test_it_prints_where_everything_is(
        self, kfp: Kfp, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert submit_pipeline(config_for(kfp), Options(parameters=["span=12"])) == 0
        (started,) = kfp.made("/runs")
        assert started.body["runtime_config"] == {"parameters": {"span": "12"}}
        out = capsys.readouterr().out
        lines = {line.split()[0]: line for line in out.splitlines()}
        assert set(lines) == {"server", "pipeline", "version", "experiment", "run", "link"}
        assert lines["server"].endswith("Kubeflow Pipelines 2.17.0")
        (run_id,) = kfp.runs
        assert run_id in lines["run"]
        assert f"{kfp.url}/#/runs/details/{run_id}" in lines["link"]
        submit_pipeline(config_for(kfp), Options(schedule="0 6 * * 1"))
        out = capsys.readouterr().out
        assert "(was there already)" in out
        assert "recurring run  tiny (0 0 6 * * 1), recurring_run-" in out

    def test_json_is_all_that_is_printed(
        self, kfp: Kfp, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kfp.progress.append(run("SUCCEEDED", task("trainer", "SUCCEEDED", 2)))
        assert submit_pipeline(config_for(kfp), Options(wait=True, as_json=True)) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["run_id"] in kfp.runs
        assert (told["state"], told["uploaded"]) == ("SUCCEEDED", True)
        assert told["url"].endswith(f"/#/runs/details/{told['run_id']}")

    def test_waiting_for_a_run_that_fails_is_exit_code_1(
        self, kfp: Kfp, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kfp.progress.append(run("FAILED", task("trainer", "FAILED", 2), error="out of memory"))
        assert submit_pipeline(config_for(kfp), Options(wait=True)) == 1
        assert "failed: failed: trainer; out of memory" in capsys.readouterr().out

    def test_options_that_do_not_go_together_are_refused(self, kfp: Kfp) -> None:
        for options in (Options(schedule="0 6 * * 1", wait=True), Options(replace=True)):
            with pytest.raises(ConfigError):
                submit_pipeline(config_for(kfp), options)
        assert kfp.calls == []


class TestCommandLine:
    """Each kind of error once through the real command, in a process of its own."""

    def run(self, kfp: Kfp | None, *arguments: str, env: dict[str, str] | None = None) -> Any:
        options = ["--config", TINY, "--config", "kubeflow"]
        options += ["--set", f"kubeflow.endpoint={kfp.url}"] if kfp else []
        return taxiway("submit", *options, *arguments, env=env, timeout=60)

    def test_a_wrong_option_is_exit_code_2(self) -> None:
        done = self.run(None, "--schedule", "0 6 * *")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: --schedule '0 6 * *' has 4 fields; expected five")
        assert done.err.splitlines()[-1] == "  edit: --schedule"

    def test_a_wrong_endpoint_is_exit_code_2(self) -> None:
        done = self.run(None, "--set", "kubeflow.endpoint=localhost")
        assert done.code == 2
        assert "edit: kubeflow.endpoint" in done.err

    def test_a_server_that_is_not_there_is_exit_code_1(self) -> None:
        done = self.run(None, "--set", "kubeflow.endpoint=http://127.0.0.1:1")
        assert (done.code, done.out) == (1, "")
        assert done.err.splitlines() == [
            "error: cannot reach http://127.0.0.1:1: the connection was refused; is the "
            "port-forward running?",
            "  edit: kubeflow.endpoint",
        ]

    def test_a_refusal_is_exit_code_1_and_tells_no_token(self, kfp: Kfp) -> None:
        kfp.rules.append(always(Answer(401, {"error": "expired"})))
        done = self.run(kfp, env={"KUBEFLOW_TOKEN": TOKEN})
        assert done.code == 1
        assert done.err.startswith(f"error: {kfp.url} does not know you (401): expired\n")
        assert "Traceback" not in done.err
        assert TOKEN not in done.err + done.out

    def test_a_login_page_is_exit_code_1(self, kfp: Kfp) -> None:
        kfp.rules.append(always(LOGIN))
        done = self.run(kfp)
        assert done.code == 1
        assert "a web page, such as a login" in done.err
