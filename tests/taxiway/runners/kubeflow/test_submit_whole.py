"""`taxiway submit` whole: real compiler, real client, and a server that keeps what it gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import TINY, CommandLine, taxiway
from tests.taxiway.runners.kubeflow.client.kfp_server import Kfp, serving

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("kubeflow")]

TOKEN = "a token of no one"


@pytest.fixture
def kfp() -> Iterator[Kfp]:
    with serving(Kfp()) as server:
        yield server


def test_what_is_uploaded_is_what_compile_writes_and_the_second_time_nothing_is(
    kfp: Kfp, here: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--config", "kubeflow", "--config", TINY)
    endpoint = ("--set", f"kubeflow.endpoint={kfp.url}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBEFLOW_TOKEN", TOKEN)
    done = taxiway("submit", *options, *endpoint, "-p", "epochs=2", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    (upload,) = kfp.made("/pipelines/upload")
    path = tmp_path / "pipeline.yaml"
    compiled = here("compile", "--target", "kubeflow", *options, *endpoint, "-o", str(path))
    assert compiled.code == 0, compiled.err
    assert list(yaml.safe_load_all(upload.body["text"])) == list(
        yaml.safe_load_all(path.read_text())
    )
    assert upload.headers["authorization"] == f"Bearer {TOKEN}"
    (run,) = kfp.made("/runs")
    assert run.body["runtime_config"] == {"parameters": {"epochs": 2}}
    assert told["run_id"] in kfp.runs
    assert TOKEN not in done.out + done.err + path.read_text()
    again = here("submit", *options, *endpoint, "--schedule", "0 6 * * 1")
    assert again.code == 0, again.err
    assert "was there already" in again.out
    assert len(kfp.made("/pipelines/upload")) + len(kfp.made("/pipelines/upload_version")) == 1
    (job,) = kfp.made("/recurringruns")
    assert job.body["trigger"]["cron_schedule"]["cron"] == "0 0 6 * * 1"
