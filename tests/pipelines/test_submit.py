"""Submitting to Kubeflow: the real client against a server in memory, and what users are told."""

from __future__ import annotations

import io
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from configs.errors import ConfigError, TaxiwayError
from configs.loader import load_config
from configs.schema import Config
from pipelines import kubeflow_client, submit_command
from pipelines.follow import follow, task_names
from pipelines.kubeflow_client import connect
from pipelines.kubeflow_errors import ServerError
from pipelines.parameters import as_declared, run_parameters
from pipelines.schedule import kubeflow_cron
from pipelines.submit import Request, Submitted, submit
from pipelines.submit_command import Options, submit_training
from tests.conftest import taxiway
from tests.pipelines.kfp_server import Answer, Call, Kfp, Rule, problem, run, serving, task

PIPELINE = """\
# PIPELINE DEFINITION
components:
  comp-transform: {executorLabel: exec-transform}
  comp-trainer: {executorLabel: exec-trainer}
deploymentSpec:
  executors:
    exec-transform: {container: {image: taxiway:dev, command: [work]}}
    exec-trainer: {container: {image: taxiway:dev, command: [work]}}
pipelineInfo: {name: flights-training}
root:
  dag:
    tasks:
      transform: {componentRef: {name: comp-transform}, taskInfo: {name: transform}}
      trainer: {componentRef: {name: comp-trainer}, taskInfo: {name: trainer}}
  inputDefinitions:
    parameters:
      epochs: {parameterType: NUMBER_INTEGER, defaultValue: 10, isOptional: true}
      span: {parameterType: STRING, isOptional: true}
      learning_rate: {parameterType: NUMBER_DOUBLE, defaultValue: 0.001, isOptional: true}
schemaVersion: 2.1.0
sdkVersion: kfp-2.5.0
---
platforms: {kubernetes: {deploymentSpec: {executors: {}}}}
"""
TOKEN = "very-secret-token"


@pytest.fixture
def kfp() -> Iterator[Kfp]:
    with serving(Kfp()) as server:
        yield server


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A home of its own, which stays empty: kfp.Client likes to write in it."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    context = str(home / ".config/kfp/context.json")  # kfp looked it up when it was imported
    monkeypatch.setattr("kfp.client.client.Client._LOCAL_KFP_CONTEXT", context)
    monkeypatch.delenv("KUBEFLOW_TOKEN", raising=False)
    yield
    assert list(home.rglob("*")) == []


def config_for(kfp: Kfp, *assignments: str) -> Config:
    return load_config(["kubeflow"], [f"kubeflow.endpoint={kfp.url}", *assignments])


def submitted(
    kfp: Kfp, request: Request | None = None, *assignments: str, text: str = PIPELINE
) -> Submitted:
    config = config_for(kfp, *assignments)
    return submit(config, text, connect(config.kubeflow), request)


class TestSubmit:
    def test_it_uploads_the_pipeline_and_starts_a_run_of_that_version(self, kfp: Kfp) -> None:
        done = submitted(kfp, Request(parameters={"epochs": 3}, run_name="first"))
        (upload,) = kfp.made("/pipelines/upload")
        assert upload.body == {"filename": "pipeline.yaml", "text": PIPELINE}
        assert upload.query["name"] == "flights-training"
        (started,) = kfp.made("/runs")
        assert started.body == {
            "display_name": "first",
            "experiment_id": done.experiment_id,
            "pipeline_version_reference": {
                "pipeline_id": done.pipeline_id,
                "pipeline_version_id": done.version_id,
            },
            "runtime_config": {"parameters": {"epochs": 3}},
        }
        assert done.run_id in kfp.runs
        assert done.url == f"{kfp.url}/#/runs/details/{done.run_id}"
        assert [one["display_name"] for one in kfp.experiments.values()] == ["flights-training"]

    def test_the_same_pipeline_is_not_uploaded_again(self, kfp: Kfp) -> None:
        first, second = submitted(kfp), submitted(kfp)
        assert (first.uploaded, second.uploaded) == (True, False)
        assert first.version_id == second.version_id
        assert first.experiment_id == second.experiment_id
        assert first.run_id != second.run_id
        assert len(kfp.made("/pipelines/upload")) == len(kfp.made("/experiments")) == 1
        assert kfp.made("/pipelines/upload_version") == []

    def test_a_changed_pipeline_is_a_new_version_and_the_old_one_is_found_again(
        self, kfp: Kfp
    ) -> None:
        first = submitted(kfp)
        changed = submitted(kfp, text=PIPELINE.replace("dev", "new"))
        again = submitted(kfp)  # the older version is on the second page of the list
        assert changed.pipeline_id == first.pipeline_id
        assert changed.version_id != first.version_id
        assert re.fullmatch(r"flights-training-\d{8}-\d{6}-[0-9a-f]{8}", changed.version)
        (upload,) = kfp.made("/pipelines/upload_version")
        assert "taxiway:new" in upload.body["text"]
        assert (again.uploaded, again.version_id) == (False, first.version_id)

    def test_names_of_the_config_are_used(self, kfp: Kfp) -> None:
        done = submitted(kfp, None, "kubeflow.experiment=nightly", "pipeline.name=other")
        assert (done.pipeline, done.experiment) == ("other", "nightly")
        assert re.fullmatch(r"other-\d{8}-\d{6}", done.name)

    def test_a_profile_namespace_goes_with_every_thing_that_has_one(self) -> None:
        with serving(Kfp(multi_user=True)) as kfp:
            submitted(kfp, None, "kubeflow.namespace=team")
            submitted(kfp, None, "kubeflow.namespace=team")
            assert kfp.made("/pipelines/upload")[0].query["namespace"] == "team"
            (experiment,) = kfp.experiments.values()
            assert experiment["namespace"] == "team"
            assert len(kfp.pipelines) == 1

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_an_endpoint_may_have_a_path(self, slash: str) -> None:
        with serving(Kfp(prefix="/pipeline")) as kfp:
            done = submitted(kfp, None, f"kubeflow.endpoint={kfp.url}{slash}")
        assert done.url == f"{kfp.url}/#/runs/details/{done.run_id}"

    def test_the_token_is_sent_and_no_other_login_is_tried(
        self, kfp: Kfp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KF_PIPELINES_IAP_OAUTH2_CLIENT_ID", "would open a browser")
        submitted(kfp)
        assert not any("authorization" in call.headers for call in kfp.calls)
        kfp.calls.clear()
        monkeypatch.setenv("KUBEFLOW_TOKEN", TOKEN)
        submitted(kfp)
        assert {call.headers["authorization"] for call in kfp.calls} == {f"Bearer {TOKEN}"}

    def test_a_context_file_of_kfp_is_not_read(self, kfp: Kfp, tmp_path: Path) -> None:
        context = tmp_path / "home/.config/kfp/context.json"
        context.parent.mkdir(parents=True)
        context.write_text(json.dumps({"namespace": "elsewhere"}))
        submitted(kfp)
        assert all(call.query.get("namespace", "") == "" for call in kfp.calls)
        context.unlink()
        context.parent.rmdir()
        context.parent.parent.rmdir()

    def test_kfp_prints_nothing(self, kfp: Kfp, capfd: pytest.CaptureFixture[str]) -> None:
        submitted(kfp)
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize(
        ("assignment", "request_"),
        [
            (f"pipeline.name={'a' * 128}", None),
            (f"kubeflow.experiment={'a' * 128}", None),
            ("", Request(run_name="a\nb")),
        ],
    )
    def test_a_name_the_server_would_cut_is_refused(
        self, kfp: Kfp, assignment: str, request_: Request | None
    ) -> None:
        config = config_for(kfp, *([assignment] if assignment else []))
        with pytest.raises(ConfigError, match="expected at most 127") as error:
            submit(config, PIPELINE, connect(config.kubeflow), request_)
        assert error.value.edit in ("pipeline.name", "kubeflow.experiment", "--run-name")

    def test_an_archived_experiment_is_refused(self, kfp: Kfp) -> None:
        done = submitted(kfp)
        kfp.experiments[done.experiment_id]["storage_state"] = "ARCHIVED"
        with pytest.raises(ConfigError, match="is archived"):
            submitted(kfp)


class TestSchedule:
    REQUEST = Request(cron="0 0 6 * * 1", parameters={"epochs": 3})

    def test_it_makes_a_recurring_run(self, kfp: Kfp) -> None:
        done = submitted(kfp, self.REQUEST)
        (made,) = kfp.made("/recurringruns")
        assert made.body == {
            "display_name": "flights-training",
            "experiment_id": done.experiment_id,
            "pipeline_version_reference": {
                "pipeline_id": done.pipeline_id,
                "pipeline_version_id": done.version_id,
            },
            "runtime_config": {"parameters": {"epochs": 3}},
            "trigger": {"cron_schedule": {"cron": "0 0 6 * * 1"}},
            "max_concurrency": 1,
            "mode": "ENABLE",
            "no_catchup": True,
        }
        assert done.url == f"{kfp.url}/#/recurringrun/details/{done.recurring_run_id}"
        assert kfp.made("/runs") == []

    def test_a_name_in_use_is_refused_and_nothing_is_changed(self, kfp: Kfp) -> None:
        first = submitted(kfp, self.REQUEST)
        with pytest.raises(ConfigError, match="already in use") as error:
            submitted(kfp, self.REQUEST)
        assert "--replace" in error.value.edit
        assert error.value.exit_code == 2
        assert list(kfp.recurring) == [first.recurring_run_id]

    def test_another_name_or_another_experiment_is_no_clash(self, kfp: Kfp) -> None:
        submitted(kfp, self.REQUEST)
        submitted(kfp, Request(cron="0 0 6 * * 1", run_name="other"))
        submitted(kfp, self.REQUEST, "kubeflow.experiment=other")
        assert len(kfp.recurring) == 3

    def test_replace_makes_the_new_one_before_the_old_one_goes(self, kfp: Kfp) -> None:
        first = submitted(kfp, self.REQUEST)
        kfp.calls.clear()
        second = submitted(kfp, Request(cron="0 0 7 * * 1", replace=True))
        assert list(kfp.recurring) == [second.recurring_run_id] != [first.recurring_run_id]
        changes = [call.method for call in kfp.calls if "recurringruns" in call.path]
        assert changes == ["GET", "POST", "DELETE"]

    def test_replace_keeps_the_old_one_where_the_new_one_is_refused(self, kfp: Kfp) -> None:
        first = submitted(kfp, self.REQUEST)
        kfp.rules.append(on("POST", "/recurringruns", problem(400, 3, "Invalid input error")))
        with pytest.raises(ServerError, match="Invalid input error"):
            submitted(kfp, Request(cron="0 0 7 * * 1", replace=True))
        assert list(kfp.recurring) == [first.recurring_run_id]


class TestCron:
    @pytest.mark.parametrize(
        ("given", "sent"),
        [
            ("0 6 * * 1", "0 0 6 * * 1"),
            ("*/15 6-18 1,15 * ?", "0 */15 6-18 1,15 * ?"),
            ("0 6 * jan-mar MON-FRI", "0 0 6 * jan-mar MON-FRI"),
            ("30 0 6 ? * 0", "30 0 6 ? * 0"),
            ("  0   6 * *  5/2 ", "0 0 6 * * 5/2"),
        ],
    )
    def test_five_fields_get_their_seconds_and_six_stay(self, given: str, sent: str) -> None:
        assert kubeflow_cron(given) == sent

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ("", "has 0 fields"),
            ("@daily", "has 1 fields; expected five"),
            ("0 6 * *", "has 4 fields"),
            ("0 0 6 * * 1 2026", "has 7 fields"),
            ("60 6 * * 1", "minute '60': 60 is not from 0 to 59"),
            ("0 6 0 * 1", "day of month '0': 0 is not from 1 to 31"),
            ("0 6 * * 7", "7 is not from 0 to 6; Sunday is 0"),
            ("0 18-6 * * 1", "the range 18-6 runs backwards"),
            ("*/0 6 * * 1", "the step '0' is no whole number above 0"),
            (
                "0 6 * * MOO",
                "day of week 'MOO': 'MOO' is none of 0-6, SUN, MON, TUE, WED, THU, FRI, SAT, *",
            ),
            ("? 6 * * 1", "minute '?': '?' is none of"),
            ("1, 6 * * 1", "minute '1,': '' is none of"),
        ],
    )
    def test_what_the_server_would_refuse_or_misread_is_refused(
        self, given: str, told: str
    ) -> None:
        with pytest.raises(ConfigError, match=re.escape(told)) as error:
            kubeflow_cron(given)
        assert error.value.edit == "--schedule"


class TestParameters:
    CONFIG = load_config(["kubeflow"])

    @pytest.mark.parametrize(
        ("given", "value"),
        [
            ("epochs=3", 3),
            ("learning_rate=1", 1.0),
            ("learning_rate=5e-4", 5e-4),
            ("span=12", 12),  # empty in the config: an optional number all the same
        ],
    )
    def test_a_value_has_the_type_of_the_key_it_sets(self, given: str, value: object) -> None:
        read = run_parameters(self.CONFIG, [given])
        assert read == {given.partition("=")[0]: value}
        assert type(*read.values()) is type(value)

    def test_lists_and_words_are_read_too(self) -> None:
        config = load_config(
            ["kubeflow"],
            [
                "kubeflow.parameters={units: model.hyperparameters.hidden_units, m: model.module}",
            ],
        )
        read = run_parameters(config, ["units=[64, 32]", "m=123"])
        assert read == {"units": [64, 32], "m": "123"}

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ("epoch=3", "unknown parameter 'epoch'; did you mean 'epochs'?"),
            ("epochs", "takes name=value, got 'epochs'"),
            ("epochs=many", "epochs=many cannot be model.hyperparameters.epochs: input should be"),
            ("epochs=0", "greater than or equal to 1"),
        ],
    )
    def test_what_the_key_would_refuse_is_refused(self, given: str, told: str) -> None:
        with pytest.raises(ConfigError, match=re.escape(told)):
            run_parameters(self.CONFIG, [given])

    def test_a_parameter_that_names_no_key_is_refused(self) -> None:
        config = load_config(["kubeflow"], ["kubeflow.parameters={wrong: model.speed}"])
        with pytest.raises(ConfigError, match=r"'model\.speed': expected a key") as error:
            run_parameters(config, ["wrong=1"])
        assert error.value.edit == "kubeflow.parameters.wrong"

    def test_the_pipeline_gets_them_as_it_declares_them(self) -> None:
        given = {"epochs": 3, "span": 12, "learning_rate": 0.5}
        assert as_declared(given, PIPELINE) == {"epochs": 3, "span": "12", "learning_rate": 0.5}
        with pytest.raises(TaxiwayError, match="has no parameter 'window'"):
            as_declared({"window": 2}, PIPELINE)


def on(method: str, path: str, answer: Answer) -> Rule:
    """Answers one path in the server's place."""

    def rule(call: Call) -> Answer | None:
        matches = call.method == method and call.path == f"/apis/v2beta1{path}"
        return answer if matches else None

    return rule


def always(answer: Answer) -> Rule:
    return lambda _: answer


LOGIN = Answer(200, "<!DOCTYPE html><html>Log in with Dex</html>", {"Content-Type": "text/html"})
DENIED = problem(403, 7, "User 'me' is not authorized with reason: no matches for namespace")

# What the server does, how the installation is told of, and what must be said: exit code 1.
REFUSALS: dict[str, tuple[Rule, tuple[str, ...], str]] = {
    "a login page": (
        always(LOGIN),
        ("a web page, such as a login", "No token was sent: KUBEFLOW_TOKEN is not set"),
        "kubeflow.endpoint, or the environment variable KUBEFLOW_TOKEN",
    ),
    "a redirect to a login": (
        always(Answer(302, "", {"Location": "https://dex.example.com/auth?state=secret"})),
        ("sends elsewhere (302), to https://dex.example.com/auth:", "a login page"),
        "kubeflow.endpoint",
    ),
    "401": (
        always(Answer(401, {"error": "no user identity header", "code": 16})),
        (
            "does not know you (401): no user identity header",
            "kubectl create token default-editor -n <namespace> --audience=pipelines.kubeflow.org",
        ),
        "the environment variable KUBEFLOW_TOKEN (kubeflow.token_env)",
    ),
    "403": (
        on("GET", "/pipelines", DENIED),
        ("does not allow this (403): User 'me' is not authorized", "The namespace may not exist"),
        "kubeflow.namespace, or the environment variable KUBEFLOW_TOKEN",
    ),
    "another service": (
        always(problem(404, 5, "Not Found")),
        ("has no /apis/v2beta1/healthz", "its path is /pipeline"),
        "kubeflow.endpoint",
    ),
    "version 1": (
        lambda call: (
            Answer(200, {"apiServerReady": True})
            if call.path == "/apis/v1beta1/healthz"
            else problem(404, 5, "Not Found")
        ),
        ("is Kubeflow Pipelines 1, with the API v1beta1 only: expected version 2.0",),
        "kubeflow.endpoint, or upgrade",
    ),
    "an upload that fails": (
        on(
            "POST",
            "/pipelines/upload",
            Answer(400, {"error_message": "Failed to create a pipeline", "error_details": "..."}),
        ),
        ("answered 400: Failed to create a pipeline",),
        "",
    ),
    "a server in trouble": (
        on("POST", "/runs", Answer(500, "upstream connect error", {"Content-Type": "text/plain"})),
        ("answered 500: upstream connect error",),
        "",
    ),
}


class TestRefusals:
    @pytest.mark.parametrize("name", REFUSALS)
    def test_what_the_server_refuses_is_explained(self, kfp: Kfp, name: str) -> None:
        rule, told, edit = REFUSALS[name]
        kfp.rules.append(rule)
        with pytest.raises(ServerError) as error:
            submitted(kfp)
        for part in (*told, kfp.url):
            assert part in error.value.message
        assert error.value.edit.startswith(edit)
        assert error.value.exit_code == 1
        assert len(kfp.calls) < 9  # and it does not try again and again

    def test_the_token_is_never_told(
        self, kfp: Kfp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("KUBEFLOW_TOKEN", TOKEN)
        kfp.rules.append(always(Answer(401, {"error": f"invalid bearer token {TOKEN}"})))
        with pytest.raises(ServerError) as error:
            submitted(kfp)
        assert "A token was sent, from KUBEFLOW_TOKEN" in error.value.message
        assert "invalid bearer token <token>" in error.value.message
        assert TOKEN not in str(error.value) + caplog.text

    def test_the_advice_names_the_namespace(self) -> None:
        with serving(Kfp(multi_user=True)) as kfp:
            kfp.rules.append(on("GET", "/pipelines", DENIED))
            with pytest.raises(ServerError, match="create token default-editor -n team ") as error:
                submitted(kfp, None, "kubeflow.namespace=team")
        assert "in namespace 'team' (403)" in error.value.message

    def test_a_multi_user_installation_wants_a_namespace(self) -> None:
        with serving(Kfp(multi_user=True)) as kfp, pytest.raises(ConfigError) as error:
            submitted(kfp)
        assert "is a multi-user installation, and kubeflow.namespace is empty" in str(error.value)
        assert error.value.edit == "kubeflow.namespace"

    def test_a_single_user_installation_wants_none(self, kfp: Kfp) -> None:
        with pytest.raises(ConfigError, match="is a single-user installation") as error:
            submitted(kfp, None, "kubeflow.namespace=team")
        assert error.value.edit == "kubeflow.namespace"

    @pytest.mark.parametrize(
        ("endpoint", "told"),
        [
            ("", "kubeflow.endpoint is empty"),
            ("localhost:8080", "'localhost:8080' is no address: expected http:// or https://"),
            ("kubeflow.example.com", "is no address"),
            ("http://", "is no address"),
            ("http://host:port", "is no address"),
            ("http://[host", "is no address"),
            ("ftp://host", "is no address"),
            ("http://host/pipeline/#/experiments", "is the address of a page"),
            ("http://me:secret@host", "holds a user or a password for host"),
        ],
    )
    def test_an_endpoint_that_is_no_address_is_refused(self, endpoint: str, told: str) -> None:
        config = load_config(["kubeflow"], [f"kubeflow.endpoint='{endpoint}'"])
        with pytest.raises(ConfigError, match=re.escape(told)) as error:
            connect(config.kubeflow)
        assert error.value.edit.startswith("kubeflow.endpoint")
        assert "secret" not in str(error.value)

    def test_a_closed_port_and_an_unknown_host_are_told_apart(self) -> None:
        def reason(endpoint: str) -> ServerError:
            kubeflow = load_config(["kubeflow"], [f"kubeflow.endpoint={endpoint}"]).kubeflow
            with pytest.raises(ServerError) as error:
                connect(kubeflow)
            assert (error.value.edit, error.value.transient) == ("kubeflow.endpoint", True)
            return error.value

        closed = socket.create_server(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        closed.close()
        assert "the connection was refused" in reason(f"http://127.0.0.1:{port}").message
        assert "no such host is known" in reason("http://no.such.host.invalid").message

    def test_a_silent_server_is_not_waited_for_for_ever(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(kubeflow_client, "READ_SECONDS", 0.2)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            kubeflow = load_config(
                ["kubeflow"], [f"kubeflow.endpoint=http://127.0.0.1:{silent.getsockname()[1]}"]
            ).kubeflow
            with pytest.raises(ServerError, match=r"no answer within 10 s to connect and 0\.2 s"):
                connect(kubeflow)

    def test_a_server_without_tls_says_so(self, kfp: Kfp) -> None:
        endpoint = kfp.url.replace("http", "https")
        kubeflow = load_config(["kubeflow"], [f"kubeflow.endpoint={endpoint}"]).kubeflow
        with pytest.raises(ServerError, match="no TLS connection that can be trusted") as error:
            connect(kubeflow)
        assert "SSL_CERT_FILE" in error.value.edit

    def test_an_error_of_the_client_itself_is_told_without_a_traceback(self, kfp: Kfp) -> None:
        submitted(kfp)
        twin = dict(next(iter(kfp.experiments.values())), experiment_id="twin")
        kfp.experiments["twin"] = twin
        with pytest.raises(TaxiwayError, match="Multiple experiments"):
            submitted(kfp)


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
        return end, str(console.file.getvalue()), naps  # type: ignore[attr-defined]

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
        told = console.file.getvalue()  # type: ignore[attr-defined]
        assert f"no longer waiting; the run goes on: {kfp.url}/#/runs/details/run" in told
        assert f"{kfp.url}/apis/v2beta1/runs/run:terminate" in told
        assert "$KUBEFLOW_TOKEN" in told


class TestCommand:
    """`taxiway submit` whole, with a compiler that is at once done."""

    @pytest.fixture(autouse=True)
    def _compiler(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(submit_command, "compiled", lambda *_: PIPELINE)

    def test_it_prints_where_everything_is(
        self, kfp: Kfp, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert submit_training(config_for(kfp), Options(parameters=["span=12"])) == 0
        (started,) = kfp.made("/runs")
        assert started.body["runtime_config"] == {"parameters": {"span": "12"}}
        out = capsys.readouterr().out
        lines = {line.split()[0]: line for line in out.splitlines()}
        assert set(lines) == {"pipeline", "version", "experiment", "run", "link"}
        (run_id,) = kfp.runs
        assert run_id in lines["run"]
        assert f"{kfp.url}/#/runs/details/{run_id}" in lines["link"]
        submit_training(config_for(kfp), Options(schedule="0 6 * * 1"))
        out = capsys.readouterr().out
        assert "(was there already)" in out
        assert "recurring run  flights-training (0 0 6 * * 1), recurring_run-" in out

    def test_json_is_all_that_is_printed(
        self, kfp: Kfp, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kfp.progress.append(run("SUCCEEDED", task("trainer", "SUCCEEDED", 2)))
        assert submit_training(config_for(kfp), Options(wait=True, as_json=True)) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["run_id"] in kfp.runs
        assert (told["state"], told["uploaded"]) == ("SUCCEEDED", True)
        assert told["url"].endswith(f"/#/runs/details/{told['run_id']}")

    def test_waiting_for_a_run_that_fails_is_exit_code_1(
        self, kfp: Kfp, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kfp.progress.append(run("FAILED", task("trainer", "FAILED", 2), error="out of memory"))
        assert submit_training(config_for(kfp), Options(wait=True)) == 1
        assert "failed: failed: trainer; out of memory" in capsys.readouterr().out

    def test_options_that_do_not_go_together_are_refused(self, kfp: Kfp) -> None:
        for options in (Options(schedule="0 6 * * 1", wait=True), Options(replace=True)):
            with pytest.raises(ConfigError):
                submit_training(config_for(kfp), options)
        assert kfp.calls == []


class TestCommandLine:
    """Each kind of error once through the real command, in a process of its own."""

    def run(self, kfp: Kfp | None, *arguments: str, env: dict[str, str] | None = None) -> Any:
        url = ["--set", f"kubeflow.endpoint={kfp.url}"] if kfp else []
        return taxiway("submit", "--config", "kubeflow", *url, *arguments, env=env, timeout=60)

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
