"""What is sent to Kubeflow Pipelines: pipelines, runs and recurring runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from taxiway.errors import ConfigError
from taxiway.runners.kubeflow.client.connection import connect
from taxiway.runners.kubeflow.client.errors import ServerError
from taxiway.runners.kubeflow.client.submit import Request, submit
from tests.taxiway.runners.kubeflow.client.conftest import (
    PIPELINE,
    TOKEN,
    config_for,
    on,
    submitted,
)
from tests.taxiway.runners.kubeflow.client.kfp_server import Kfp, problem, serving


class TestSubmit:
    def test_it_uploads_the_pipeline_and_starts_a_run_of_that_version(self, kfp: Kfp) -> None:
        done = submitted(kfp, Request(parameters={"epochs": 3}, run_name="first"))
        (upload,) = kfp.made("/pipelines/upload")
        assert upload.body == {"filename": "pipeline.yaml", "text": PIPELINE}
        assert upload.query["name"] == "tiny"
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
        assert [one["display_name"] for one in kfp.experiments.values()] == ["tiny"]

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
        assert re.fullmatch(r"tiny-\d{8}-\d{6}-[0-9a-f]{8}", changed.version)
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
        assert error.value.edit in ("kubeflow.experiment", "--run-name")

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
            "display_name": "tiny",
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
