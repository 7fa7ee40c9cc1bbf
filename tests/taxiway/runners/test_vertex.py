"""The Vertex AI target: what compiles is valid, and what cannot work is refused while compiling."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from components.artifacts import ModelManifest, ModelVersion
from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.errors import ConfigError
from tests.conftest import TINY, CommandLine

pytestmark = pytest.mark.pipeline

LEFT_OUT = {"DataGate", "Registrar", "DeployQueue"}
PROTOS = ("PipelineJob", "PipelineSpec", "PipelineDeploymentConfig")


def config(*assignments: str, overlays: tuple[str, ...] = (TINY, "vertex")) -> Config:
    return load_config(overlays, assignments)


def compiled(*assignments: str) -> str:
    from taxiway.runners.targets import COMPILERS

    return COMPILERS["vertex"](config(*assignments))


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    return dict(json.loads(compiled()))


@pytest.fixture(scope="module")
def tasks(job: dict[str, Any]) -> dict[str, Any]:
    return dict(job["pipelineSpec"]["root"]["dag"]["tasks"])


def parsed(job: dict[str, Any], proto: str) -> Any:
    """A part of the job read strictly: an unknown field is an error."""
    part = {
        "PipelineJob": job,
        "PipelineSpec": job["pipelineSpec"],
        "PipelineDeploymentConfig": job["pipelineSpec"]["deploymentSpec"],
    }[proto]
    return json_format.ParseDict(part, getattr(pipeline_spec_pb2, proto)())


@pytest.mark.parametrize("proto", PROTOS)
def test_the_job_is_valid_against_the_protos(job: dict[str, Any], proto: str) -> None:
    assert parsed(job, proto).ByteSize() > 0


def test_the_job_is_of_the_schema_that_vertex_wants(job: dict[str, Any]) -> None:
    assert job["pipelineSpec"]["schemaVersion"] == "2.1.0"
    assert job["runtimeConfig"]["gcsOutputDirectory"].startswith("gs://your-bucket/taxiway/")


def test_the_same_config_is_the_same_bytes() -> None:
    assert compiled() == compiled()


def test_every_node_runs_in_our_image_but_the_container_component(job: dict[str, Any]) -> None:
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"]
    images = {
        name.removesuffix("_executor"): one["container"]["image"]
        for name, one in executors.items()
        if "container" in one
    }
    assert images.pop("ModelManifest") == "debian:trixie-slim"
    assert set(images.values()) == {config().kubeflow.image}
    assert {"ArrowExampleGen", "Trainer", "Pusher", "InfraValidator"} <= set(images)


def test_a_node_gets_the_machine_and_the_gpus_that_it_asks_for() -> None:
    asked = "{cpu: 8, memory: 30G, accelerator: {type: NVIDIA_TESLA_T4, count: 2}}"
    job = json.loads(compiled(f"vertex.resources.Trainer={asked}"))
    spec = job["pipelineSpec"]
    executors = spec["deploymentSpec"]["executors"]
    assert executors[spec["components"]["Trainer"]["executorLabel"]]["container"]["resources"] == {
        "cpuLimit": 8.0,
        "memoryLimit": 30.0,
        "accelerator": {"type": "NVIDIA_TESLA_T4", "count": "2"},
    }
    for proto in PROTOS:
        parsed(job, proto)
    assert sum("resources" in one.get("container", {}) for one in executors.values()) == 1


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Trianer", "no node is named 'Trianer'; did you mean 'Trainer'?"),
        ("LatestBlessedModel", "LatestBlessedModel runs on no machine there"),
        ("DataGate", "DataGate runs on no machine there"),
    ],
)
def test_a_machine_for_what_is_no_node_there_is_refused(name: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        compiled(f"vertex.resources.{name}={{cpu: 2}}")
    assert str(refused.value) == (
        f"Vertex AI cannot run this config:\n  vertex.resources: {told}\n"
        "  edit: vertex.resources; see configs/vertex.yaml"
    )


def test_nodes_left_out_leave_nothing_behind(job: dict[str, Any], tasks: dict[str, Any]) -> None:
    assert set(tasks).isdisjoint(LEFT_OUT)
    assert set(job["pipelineSpec"]["components"]) == set(tasks)
    for task in tasks.values():
        assert set(task.get("dependentTasks", ())) <= set(tasks)
    assert '"DataGate"' not in json.dumps(job)


def test_a_push_needs_both_blessings(tasks: dict[str, Any]) -> None:
    assert tasks["Pusher"]["triggerPolicy"]["condition"] == (
        "(inputs.artifacts['_Evaluator.blessing'].artifacts[0].metadata['blessed'] == 1.0) && "
        "(inputs.artifacts['_InfraValidator.blessing'].artifacts[0].metadata['blessed'] == 1.0)"
    )


def test_the_baseline_is_the_latest_blessed_model(tasks: dict[str, Any]) -> None:
    source = tasks["Evaluator"]["inputs"]["artifacts"]["baseline_model"]["taskOutputArtifact"]
    assert source["producerTask"] == "LatestBlessedModel-model-resolver"
    assert {"LatestBlessedModel-model-resolver", "LatestBlessedModel-model-blessing-resolver"} <= (
        set(tasks)
    )


def test_what_a_driver_would_look_at_is_not_cached(tasks: dict[str, Any]) -> None:
    assert "cachingOptions" not in tasks["ArrowExampleGen"]
    assert tasks["Trainer"]["cachingOptions"] == {"enableCache": True}


def test_no_parameter_waits_to_be_filled_in(job: dict[str, Any]) -> None:
    assert "inputDefinitions" not in job["pipelineSpec"]["root"]


def test_the_run_id_becomes_the_name_of_the_job() -> None:
    from taxiway.runners.vertex import _use_job_name

    task = {"inputs": {"parameters": {"run_id": {"componentInputParameter": "pipeline-run-id"}}}}
    parameters = {"pipeline-run-id": {"parameterType": "STRING"}}
    spec = {"root": {"dag": {"tasks": {"A": task}}, "inputDefinitions": {"parameters": parameters}}}
    _use_job_name(spec)
    value = {"runtimeValue": {"constant": "{{$.pipeline_job_name}}"}}
    assert task["inputs"]["parameters"] == {"run_id": value}
    assert "inputDefinitions" not in spec["root"]


def test_our_artifact_types_are_themselves_again_afterwards(job: dict[str, Any]) -> None:
    assert "title: taxiway.ModelManifest" in json.dumps(job)
    assert ModelManifest.TYPE_NAME == "ModelManifest"
    assert set(ModelVersion.PROPERTIES) == {"model_name", "version_name", "digest"}


# What is asked for, the key that is to be edited, and the reason.
REFUSALS = {
    "a local root": ("output.root=/tmp/x", "output.root", "share nothing but buckets"),
    "local data": ("data.root=/tmp/x", "data.root", "no node could read it"),
    "a local schema": ("data.schema_file=/tmp/x", "data.schema_file", "this machine's file"),
    "a local push": ("push.destination=/tmp/x", "push.destination", "would be lost"),
    "a database": ("metadata={kind: mysql, host: db}", "metadata", "keeps metadata itself"),
    "a place for SQLite": ("metadata={kind: sqlite, path: /tmp/x}", "metadata", "no other store"),
    "a policy": ("registry.approval={kind: required}", "registry.approval", "no one could approve"),
    "a message at the end": ("notify={kind: file}", "notify.kind", "there is no exit handler"),
    "an image of this machine": ("kubeflow.image=taxiway:dev", "kubeflow.image", "a registry"),
    "secrets": ("kubeflow.secrets=[{name: a, env: {b: C}}]", "kubeflow.secrets", "Kubernetes' own"),
    "resources": ("kubeflow.resources={default: {cpu: '1'}}", "kubeflow.resources", "be ignored"),
    "DataGate": ("vertex.leave_out=[Registrar,DeployQueue]", "vertex.leave_out", "DataGate: it op"),
    "local files": (
        "vertex.leave_out=[DataGate]",
        "vertex.leave_out",
        "Registrar: it opens the manifest and what was pushed as local files",
    ),
    "a typo": ("vertex.leave_out=[DataGat]", "vertex.leave_out", "did you mean 'DataGate'?"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_vertex_cannot_do_is_refused_with_its_reason(name: str) -> None:
    assignment, key, reason = REFUSALS[name]
    with pytest.raises(ConfigError) as error:
        compiled(assignment)
    assert key in error.value.edit.partition(";")[0].split(", ")
    assert reason in error.value.message


def test_a_node_whose_output_is_needed_cannot_be_left_out() -> None:
    with pytest.raises(ConfigError, match=r"Pusher takes its _InfraValidator\.blessing from"):
        compiled("vertex.leave_out=[DataGate,Registrar,DeployQueue,InfraValidator]")


def test_an_unknown_component_with_a_type_of_our_own_is_refused() -> None:
    from taxiway.runners import vertex
    from taxiway.runners.nodes.declarations import Declaration

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vertex, "declaration_of", lambda _: Declaration())
        with pytest.raises(ConfigError, match="artifact types of our own on Vertex, here Gate"):
            compiled("vertex.leave_out=[Registrar,DeployQueue]")


def test_the_command_writes_the_job_and_refuses_with_exit_code_2(
    here: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "job.json"
    command = ("compile", "--target", "vertex", "--config", TINY)
    done = here(*command, "--config", "vertex", "-o", os.fspath(path))
    assert done.code == 0, done.err
    assert json.loads(path.read_text())["pipelineSpec"]["schemaVersion"] == "2.1.0"
    other = os.fspath(tmp_path / "other.json")
    refused = here(*command, "-o", other)
    assert refused.code == 2
    assert "error: Vertex AI cannot run this config:\n  output.root: " in refused.err
    assert not (tmp_path / "other.json").exists()
