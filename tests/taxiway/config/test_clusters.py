"""What the config says of clusters: refused when it is loaded, not when a run is made there."""

from __future__ import annotations

import re
from typing import Any

import pytest

from taxiway.config.executor_config import KEYS
from taxiway.config.loader import load_config
from taxiway.errors import ConfigError
from tests.conftest import TINY

NAMES = "run_id, run, record, metrics, report, self"


def refusal(*assignments: str) -> str:
    with pytest.raises(ConfigError) as refused:
        load_config([TINY, "kubeflow"], assignments)
    return refused.value.message


class TestParameters:
    @pytest.mark.parametrize(
        "name",
        [
            *("run_id", "run", "record", "metrics", "report", "self", "argument_0", "argument_12"),
            *("class", "import", "lambda", "is"),
        ],
    )
    def test_a_name_that_a_task_has_already_is_refused(self, name: str) -> None:
        """`run_id` would be given the run's id in silence; the others fail in kfp's own code."""
        assert refusal(
            "kubeflow.parameters={epochs: model.hyperparameters.epochs}",
            f"kubeflow.parameters.{name}=data.spans.end",
        ).startswith(
            f"kubeflow.parameters: '{name}' is a name that tasks or Python use themselves: "
            f"expected another one for 'data.spans.end' (not {NAMES}, argument_<number> or a "
            "keyword of Python), got {"
        )

    @pytest.mark.parametrize("name", ["runs", "argument", "argument_a", "metric", "name", "type"])
    def test_a_name_beside_them_is_taken(self, name: str) -> None:
        config = load_config([TINY, "kubeflow"], [f"kubeflow.parameters={{{name}: data.shards}}"])
        assert config.kubeflow.parameters[name] == "data.shards"

    def test_two_for_one_key_are_refused(self) -> None:
        assert refusal("kubeflow.parameters.last=data.spans.end").startswith(
            "kubeflow.parameters: 'span' and 'last' both set 'data.spans.end': expected one "
            "parameter for a key, got {"
        )


class TestExecutorConfig:
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            (
                "{nodeSelctor: {}}",
                "unknown key 'nodeSelctor'; did you mean 'nodeSelector'? (known to Kubeflow "
                f"Pipelines 2.17: {', '.join(sorted(KEYS))}), got {{'nodeSelctor': {{}}}}",
            ),
            (
                "{nodeSelector: {disk: ssd}}",
                "unknown key 'disk' in 'nodeSelector' (known to Kubeflow Pipelines 2.17: labels, "
                "nodeSelectorJson), got {'nodeSelector': {'disk': 'ssd'}}",
            ),
            (
                "{tolerations: [{key: gpu, operater: Exists}]}",
                "unknown key 'operater' in 'tolerations.0'; did you mean 'operator'? (known to "
                "Kubeflow Pipelines 2.17: effect, key, operator, tolerationJson, "
                "tolerationSeconds, value), got {'tolerations': [{'key': 'gpu', 'operater': "
                "'Exists'}]}",
            ),
            (
                "{tolerations: {key: gpu}}",
                "'tolerations' must be a list, got {'tolerations': {'key': 'gpu'}}",
            ),
            (
                "{nodeSelector: ssd}",
                "'nodeSelector' must be a section of keys, got {'nodeSelector': 'ssd'}",
            ),
            (
                "{nodeSelector: {labels: {gpu: true}}}",
                "'nodeSelector.labels.gpu' must be a text, got {'nodeSelector': {'labels': {'gpu': "
                "True}}}",
            ),
            (
                "{activeDeadlineSeconds: soon}",
                "'activeDeadlineSeconds' must be a whole number, got {'activeDeadlineSeconds': "
                "'soon'}",
            ),
            (
                "{activeDeadlineSeconds: true}",
                "'activeDeadlineSeconds' must be a whole number, got {'activeDeadlineSeconds': "
                "True}",
            ),
            (
                "{pvcMount: [{constant: scratch, mountPath: /scratch, readOnly: true}]}",
                "unknown key 'readOnly' in 'pvcMount.0' (known to Kubeflow Pipelines 2.17: "
                "componentInputParameter, constant, mountPath, pvcNameParameter, subPath, "
                "taskOutputParameter), got {'pvcMount': [{'constant': 'scratch', 'mountPath': "
                "'/scratch', 'readOnly': True}]}",
            ),
            (
                "{node_selector: {labels: {}}}",
                "unknown key 'node_selector'; did you mean 'nodeSelector'? (known to Kubeflow "
                f"Pipelines 2.17: {', '.join(sorted(KEYS))}), got {{'node_selector': {{'labels': "
                "{}}}",
            ),
        ],
    )
    def test_what_the_server_would_refuse_when_a_run_is_made(self, given: str, told: str) -> None:
        assert refusal(f"kubeflow.executor_config={given}") == f"kubeflow.executor_config: {told}"

    @pytest.mark.parametrize(
        "given",
        [
            "{nodeSelector: {labels: {disk: ssd}}}",
            "{tolerations: [{key: a, operator: Exists, effect: NoSchedule, tolerationSeconds: 9}]}",
            "{securityContext: {runAsUser: 10001, runAsNonRoot: true}}",
            "{fieldPathAsEnv: [{name: POD, fieldPath: metadata.name}]}",
            "{nodeAffinity: [{matchExpressions: [{key: a, operator: In, values: [b, c]}]}]}",
            "{imagePullPolicy: Always, imagePullSecret: [{secretName: registry}]}",
            "{nodeSelector: {nodeSelectorJson: {runtimeValue: {constant: {disk: ssd}}}}}",
        ],
    )
    def test_what_it_knows_is_taken(self, given: str) -> None:
        assert load_config([TINY, "kubeflow"], [f"kubeflow.executor_config={given}"])

    def test_the_table_is_the_proto(self) -> None:
        """The classic stack has the oldest proto, of which all is in the newest."""
        from kfp.kubernetes import kubernetes_executor_config_pb2 as protos

        ours, theirs = set(keys_of(KEYS)), set(fields_of(protos.KubernetesExecutorConfig))
        assert theirs <= ours
        if "tolerations" in theirs:
            assert theirs == ours


def keys_of(shape: Any, where: str = "") -> list[str]:
    if isinstance(shape, list):
        return keys_of(shape[0], where)
    if not isinstance(shape, dict) or "*" in shape:
        return []
    return [
        path for key in shape for path in (f"{where}{key}", *keys_of(shape[key], f"{where}{key}."))
    ]


def fields_of(message: Any, where: str = "") -> list[str]:
    found = []
    for field in message.DESCRIPTOR.fields if hasattr(message, "DESCRIPTOR") else message.fields:
        found.append(f"{where}{field.json_name}")
        inner = field.message_type
        if inner and not inner.GetOptions().map_entry and inner.name != "InputParameterSpec":
            found += fields_of(inner, f"{where}{field.json_name}.")
    return found


class TestNames:
    @pytest.mark.parametrize("name", ["shop-", "shop--eu", "-shop", "Shop", "shop_eu", "1shop", ""])
    def test_a_pipelines_name_is_one_that_kubeflow_keeps_as_it_is(self, name: str) -> None:
        """It writes `shop-` as `shop`, and would then look for artifacts elsewhere."""
        assert refusal(f"pipeline.name='{name}'") == (
            "pipeline.name: string should match pattern '^[a-z][a-z0-9]*(-[a-z0-9]+)*$', "
            f"got '{name}'"
        )

    def test_an_object_of_the_cluster_may_have_any_name_that_kubernetes_allows(self) -> None:
        volume = "{claim: 9-claims.of--ours, mount_path: /taxiway}"
        config = load_config([TINY, "kubeflow"], [f"kubeflow.volume={volume}"])
        assert config.kubeflow.volume.claim == "9-claims.of--ours"
        told = refusal("kubeflow.volume.claim=claim-")
        assert re.fullmatch(
            r"kubeflow\.volume\.claim: string should match pattern '.*', got 'claim-'", told
        )


class TestTolerations:
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ("{operator: Equal, value: x}", "a toleration with the operator Equal needs a key"),
            ("{key: gpu, value: x}", "a toleration with a value needs `operator: Equal`"),
        ],
    )
    def test_what_kubernetes_would_refuse(self, given: str, told: str) -> None:
        message = refusal(f"kubeflow.resources.Trainer.tolerations=[{given}]")
        assert message.startswith(f"kubeflow.resources.Trainer.tolerations.0: {told}, got {{")
