"""What is emitted for Kubeflow: valid for every back end, always the same, without secrets."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format

from taxiway.config.loader import load_config
from taxiway.errors import ConfigError
from taxiway.process.provenance import commit_of_code
from taxiway.runners.kubeflow.task.job import unpack
from tests.conftest import TINY, CommandLine, taxiway

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("kubeflow")]

Compile = Callable[..., list[Any]]
SHAPE = Path(__file__).with_name("shape.yaml")


@pytest.fixture(scope="module")
def documents(compiled: Compile) -> list[Any]:
    return compiled()


def tasks_of(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        name: task
        for dag in (spec["root"]["dag"], spec["components"]["comp-exit-handler-1"]["dag"])
        for name, task in dag["tasks"].items()
    }


def executors_of(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        name: executor["container"]
        for name, executor in spec["deploymentSpec"]["executors"].items()
    }


def shape_of(documents: list[Any]) -> dict[str, Any]:
    """Nodes, edges, images and names of variables: what a reviewer reads, without the payload."""
    spec, platform = documents
    kubernetes = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    tasks = tasks_of(spec)
    shape = {}
    for name, container in executors_of(spec).items():
        task = name.removeprefix("exec-")
        component = spec["components"][f"comp-{task}"]
        secrets = kubernetes[name].get("secretAsEnv", ())
        shape[task] = {
            "after": sorted(tasks[task].get("dependentTasks", ())),
            "image": container["image"],
            "env": sorted(key["envVar"] for secret in secrets for key in secret["keyToEnv"]),
            "volumes": [mount["mountPath"] for mount in kubernetes[name]["pvcMount"]],
            "takes": sorted(component.get("inputDefinitions", {}).get("parameters", {})),
            "gives": sorted(
                key for kind in component.get("outputDefinitions", {}).values() for key in kind
            ),
            "retries": tasks[task].get("retryPolicy", {}).get("maxRetryCount", 0),
        }
    return shape


def test_every_task_carries_the_commit_that_it_was_compiled_from(documents: list[Any]) -> None:
    commands = [" ".join(one["command"]) for one in executors_of(documents[0]).values()]
    jobs = [unpack(found[1]) for one in commands if (found := re.search(r"--job (\S+)", one))]
    assert jobs
    assert all(job.commit == commit_of_code() for job in jobs)


class TestEveryBackEndReadsIt:
    """Both stacks run this: kfp 2.5's protos are the oldest, and 2.17's the newest."""

    def test_the_pipeline_parses_strictly(self, documents: list[Any]) -> None:
        from kfp.pipeline_spec import pipeline_spec_pb2

        json_format.ParseDict(documents[0], pipeline_spec_pb2.PipelineSpec())
        json_format.ParseDict(documents[1], pipeline_spec_pb2.PlatformSpec())

    def test_the_kubernetes_settings_parse_strictly(self, documents: list[Any]) -> None:
        """Back ends before 2.2 fail a task whose settings have a key that they do not know."""
        from kfp.kubernetes import kubernetes_executor_config_pb2 as protos

        executors = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        assert set(executors) == set(executors_of(documents[0]))
        for executor in executors.values():
            json_format.ParseDict(executor, protos.KubernetesExecutorConfig())

    def test_nothing_newer_than_the_oldest_proto_is_emitted(self, documents: list[Any]) -> None:
        """On the newest stack a strict parse proves nothing of the oldest: these names do."""
        known = {"cpuRequest", "cpuLimit", "memoryRequest", "memoryLimit"}
        for container in executors_of(documents[0]).values():
            assert set(container) <= {"image", "command", "env", "resources"}
            assert set(container["resources"]) <= known
        executors = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        for executor in executors.values():
            assert set(executor) <= {"pvcMount", "secretAsEnv"}
            assert all(set(one) == {"constant", "mountPath"} for one in executor["pvcMount"])
        for task in tasks_of(documents[0]).values():
            assert set(task) <= {
                *("cachingOptions", "componentRef", "dependentTasks", "inputs"),
                *("retryPolicy", "taskInfo", "triggerPolicy"),
            }

    def test_tasks_are_found_by_the_name_others_know_them_by(self, documents: list[Any]) -> None:
        """KFP 2.0 looks a producer up by its taskInfo name, so no task may show another."""
        spec = documents[0]
        for name, task in spec["components"]["comp-exit-handler-1"]["dag"]["tasks"].items():
            assert task["taskInfo"]["name"] == name
            assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)

    def test_kubeflows_own_cache_is_off(self, documents: list[Any]) -> None:
        for name, task in tasks_of(documents[0]).items():
            if name != "exit-handler-1":
                assert not task["cachingOptions"].get("enableCache", False)


class TestShape:
    def test_it_is_the_reviewed_one(self, documents: list[Any]) -> None:
        """After a wanted change: copy what the failure shows into shape.yaml, and read it."""
        assert yaml.safe_load(SHAPE.read_text()) == shape_of(documents)

    def test_the_exit_task_runs_whatever_happened(self, documents: list[Any]) -> None:
        task = documents[0]["root"]["dag"]["tasks"]["exit"]
        assert task["dependentTasks"] == ["exit-handler-1"]
        assert task["triggerPolicy"]["strategy"] == "ALL_UPSTREAM_TASKS_COMPLETED"

    def test_run_parameters_have_the_values_of_the_config(self, documents: list[Any]) -> None:
        given = documents[0]["root"]["inputDefinitions"]["parameters"]
        assert given["epochs"]["defaultValue"] == 5
        assert given["epochs"]["parameterType"] == "NUMBER_INTEGER"
        assert given["learning_rate"]["defaultValue"] == 0.01
        assert given["span"]["defaultValue"] == ""

    def test_resources_are_those_of_the_node_over_the_default(self, documents: list[Any]) -> None:
        containers = executors_of(documents[0])
        assert containers["exec-trainer"]["resources"] == {
            "cpuRequest": 2.0,
            "memoryRequest": pytest.approx(4 * 2**30 / 1e9),
            "memoryLimit": pytest.approx(8 * 2**30 / 1e9),
        }
        assert "14400" in containers["exec-trainer"]["command"]
        assert containers["exec-pusher"]["resources"]["cpuRequest"] == 0.5

    def test_retries_may_take_as_long_as_all_attempts_together(self, documents: list[Any]) -> None:
        """Argo ends the pod that runs into the longest duration, counted from the first."""
        task = tasks_of(documents[0])["trainer"]
        pod = 3 * 14400 + 10 + 20
        assert task["retryPolicy"] == {
            "maxRetryCount": 2,
            "backoffDuration": "10s",
            "backoffFactor": 2.0,
            "backoffMaxDuration": f"{3 * pod + 10 + 20}s",
        }

    def test_a_node_is_tried_again_within_its_pod(self, documents: list[Any]) -> None:
        """Stock Kubeflow from 2.17 on tries no task again that failed."""
        for name, container in executors_of(documents[0]).items():
            command = container["command"]
            if name == "exec-model-manifest":  # someone else's image has no supervisor
                assert "--attempts" not in command
                continue
            at = command.index("--attempts")
            assert command[at : at + 5] == ["--attempts", "3", "--backoff", "10", "2"], name

    def test_a_node_without_retries_is_tried_once(self, compiled: Compile) -> None:
        spec, _ = compiled("kubeflow.resources.Pusher.retries=0")
        assert "retryPolicy" not in tasks_of(spec)["pusher"]
        assert "--attempts" not in executors_of(spec)["exec-pusher"]["command"]
        assert "retryPolicy" in tasks_of(spec)["exit"]

    def test_more_of_kubernetes_passes_through(self, compiled: Compile) -> None:
        _, platform = compiled("kubeflow.executor_config={nodeSelector: {labels: {disk: ssd}}}")
        executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        assert executors["exec-trainer"]["nodeSelector"] == {"labels": {"disk": "ssd"}}

    def test_more_volumes_and_secrets_are_added_to_ours(self, compiled: Compile) -> None:
        more = "{pvcMount: [{constant: scratch, mountPath: /scratch}]}"
        _, platform = compiled(f"kubeflow.executor_config={more}")
        executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        for executor in executors.values():
            assert [one["mountPath"] for one in executor["pvcMount"]] == ["/taxiway", "/scratch"]

    def test_a_gpu_is_asked_for_by_node(self, compiled: Compile) -> None:
        from kfp.kubernetes import kubernetes_executor_config_pb2 as protos
        from kfp.pipeline_spec import pipeline_spec_pb2

        node = (
            "{accelerator: {type: nvidia.com/gpu, count: 2}, node_selector: {gpu: a100}, "
            "tolerations: [{key: nvidia.com/gpu, effect: NoSchedule}]}"
        )
        general = "{nodeSelector: {labels: {zone: a, gpu: any}}, tolerations: [{key: batch}]}"
        spec, platform = compiled(
            f"kubeflow.resources.Trainer={node}", f"kubeflow.executor_config={general}"
        )
        json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
        containers = executors_of(spec)
        gpu = {"type": "nvidia.com/gpu", "count": "2"}
        assert containers["exec-trainer"]["resources"]["accelerator"] == gpu
        assert containers["exec-trainer"]["resources"]["cpuRequest"] == 2.0  # as before
        executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        assert executors["exec-trainer"]["nodeSelector"] == {"labels": {"zone": "a", "gpu": "a100"}}
        assert executors["exec-trainer"]["tolerations"] == [
            {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
            {"key": "batch"},
        ]
        newest = protos.KubernetesExecutorConfig()
        if "tolerations" in newest.DESCRIPTOR.fields_by_name:  # not in that of the classic stack
            json_format.ParseDict(executors["exec-trainer"], newest)
        assert "accelerator" not in containers["exec-evaluator"]["resources"]
        assert executors["exec-evaluator"]["nodeSelector"] == {
            "labels": {"zone": "a", "gpu": "any"}
        }
        assert executors["exec-evaluator"]["tolerations"] == [{"key": "batch"}]

    def test_a_nodes_gpu_may_be_everyones_default_and_left_out_by_one(
        self, compiled: Compile
    ) -> None:
        spec, platform = compiled(
            "kubeflow.resources.default={node_selector: {pool: gpu}, retries: 1}",
            "kubeflow.resources.Pusher={node_selector: {}}",
        )
        executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        assert "nodeSelector" not in executors["exec-pusher"]
        assert tasks_of(spec)["pusher"]["retryPolicy"]["maxRetryCount"] == 1
        assert executors["exec-trainer"]["nodeSelector"] == {"labels": {"pool": "gpu"}}

    def test_plain_variables_reach_every_task(self, compiled: Compile) -> None:
        spec, _ = compiled("kubeflow.env={TF_CPP_MIN_LOG_LEVEL: '2'}")
        for container in executors_of(spec).values():
            assert container["env"] == [{"name": "TF_CPP_MIN_LOG_LEVEL", "value": "2"}]


def test_a_dask_clusters_certificates_are_files_in_every_task_of_our_own(
    compiled: Compile,
) -> None:
    from kfp.kubernetes import kubernetes_executor_config_pb2 as protos

    spec, platform = compiled(overlays=(TINY, "kubeflow", "kubeflow-dask"))
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    mounted = [{"secretName": "taxiway-dask", "mountPath": "/etc/taxiway/dask"}]
    for name, container in executors_of(spec).items():
        own = container["image"] == "taxiway:dev"
        assert executors[name].get("secretAsVolume") == (mounted if own else None), name
        assert ("secretAsEnv" in executors[name]) is own
        json_format.ParseDict(executors[name], protos.KubernetesExecutorConfig())
    assert len(executors) > sum("secretAsVolume" in one for one in executors.values()) > 10


class TestBytes:
    def test_two_processes_write_the_same(self, here: CommandLine, tmp_path: Path) -> None:
        """This one, and one in which sets and dicts of strings have another order."""
        ours, theirs = tmp_path / "ours.yaml", tmp_path / "theirs.yaml"
        options = ("--config", TINY, "--config", "kubeflow", "--target", "kubeflow")
        done = here("compile", *options, "-o", str(ours))
        assert done.code == 0, done.err
        done = taxiway("compile", *options, "-o", str(theirs), env={"PYTHONHASHSEED": "1"})
        assert done.code == 0, done.err
        assert ours.read_text() == theirs.read_text()

    def test_the_workflow_stays_far_below_what_etcd_takes(self, documents: list[Any]) -> None:
        """1.5 MB is the limit of one object; Argo holds each task's part about three times."""
        assert len(yaml.safe_dump_all(documents).encode()) < 250_000

    def test_no_password_is_compiled_in(
        self, compiled: Compile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import base64
        import zlib

        monkeypatch.setenv("TAXIWAY_METADATA_PASSWORD", "a very secret word")
        documents = compiled()
        assert "a very secret word" not in yaml.safe_dump_all(documents)
        for container in executors_of(documents[0]).values():
            command = container["command"]
            if "--job" in command:
                packed = base64.b64decode(command[command.index("--job") + 1])
                assert b"a very secret word" not in zlib.decompress(packed)


class TestRefused:
    """With the key to edit, before anything is submitted."""

    @pytest.mark.parametrize(
        ("assignment", "told"),
        [
            ("metadata={kind: sqlite}", "metadata.kind sqlite"),
            ("registry={kind: sqlite}", "registry.kind sqlite is a file that the pods of all"),
            (
                "metadata={kind: postgresql, host: here}",
                "on PostgreSQL: ",
            ),
            ("output.root=/elsewhere", "output.root /elsewhere is on no volume"),
            ("output.root=gs://bucket/x", "output.root gs://bucket/x is on no volume"),
            ("data.root=s3://bucket/x", "data.root is s3://bucket/x, but TensorFlow opens gs://"),
            ("data.schema_file=abfs://a/s.pbtxt", "data.schema_file is abfs://a/s.pbtxt, but"),
            (
                "kubeflow.resources={Trianer: {cpu: '1'}}",
                "no node is named Trianer; did you mean 'Trainer'? (known: default, exit",
            ),
            ("kubeflow.parameters={epochs: model.epochs}", "'model.epochs', which is no key"),
            ("kubeflow.parameters={model: model}", "which is a whole section"),
        ],
    )
    def test_what_cannot_work(self, compiled: Compile, assignment: str, told: str) -> None:
        with pytest.raises(ConfigError, match=re.escape(told)) as refused:
            compiled(assignment)
        assert refused.value.edit

    @pytest.mark.parametrize(
        "assignment",
        [
            "kubeflow.resources.default.memory=lots",
            "kubeflow.secrets=[{name: one, env: {}}]",
            "kubeflow.secrets=[{name: one, mount_path: below/here}]",
            "metadata.host=",
            "push.destination=s3://bucket/x",
        ],
    )
    def test_what_is_no_value(self, assignment: str) -> None:
        with pytest.raises(ConfigError):
            load_config([TINY, "kubeflow"], [assignment])


@pytest.mark.parametrize(
    ("quantity", "number"),
    [("500m", 0.5), ("2", 2.0), ("1.5", 1.5), ("4Gi", 4 * 2**30), ("4G", 4e9), ("8Ki", 8192)],
)
def test_quantities_are_read_as_kubernetes_reads_them(quantity: str, number: float) -> None:
    from taxiway.runners.kubeflow.kubernetes import amount

    assert amount(quantity) == pytest.approx(number)


@pytest.mark.parametrize(
    ("node_id", "name"),
    [
        ("ArrowExampleGen", "arrow-example-gen"),
        ("Evaluator.second_try", "evaluator-second-try"),
        ("Trainer2", "trainer2"),
    ],
)
def test_names_are_such_as_argo_takes(node_id: str, name: str) -> None:
    from taxiway.runners.kubeflow.compile import task_name

    assert task_name(node_id) == name
