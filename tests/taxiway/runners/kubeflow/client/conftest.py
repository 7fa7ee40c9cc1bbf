"""The real client, and a server in memory that it talks to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.runners.kubeflow.client.connection import connect
from taxiway.runners.kubeflow.client.submit import Request, Submitted, submit
from tests.conftest import TINY
from tests.taxiway.runners.kubeflow.client.kfp_server import (
    Answer,
    Call,
    Kfp,
    Rule,
    problem,
    serving,
)

PIPELINE = """\
# PIPELINE DEFINITION
components:
  comp-transform: {executorLabel: exec-transform}
  comp-trainer: {executorLabel: exec-trainer}
deploymentSpec:
  executors:
    exec-transform: {container: {image: taxiway:dev, command: [work]}}
    exec-trainer: {container: {image: taxiway:dev, command: [work]}}
pipelineInfo: {name: tiny}
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
    return load_config([TINY, "kubeflow"], [f"kubeflow.endpoint={kfp.url}", *assignments])


def submitted(
    kfp: Kfp, request: Request | None = None, *assignments: str, text: str = PIPELINE
) -> Submitted:
    config = config_for(kfp, *assignments)
    return submit(config, text, connect(config.kubeflow), request)


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
