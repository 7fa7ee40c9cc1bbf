"""The gateways' manifests fit the config that they are started with, and what that asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from taxiway.access.http import HEALTH
from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.registry.auth.token_env import TOKEN_ENV
from tests.conftest import REPOSITORY, TINY
from tests.deploy.manifests import WRITTEN, pods

OVERLAY = REPOSITORY / "deploy/serving/serving.yaml"


@pytest.fixture(scope="module")
def config() -> Config:
    """As the gateways read it, of a small model."""
    return load_config([TINY, "kubeflow", str(OVERLAY)])


@pytest.fixture(scope="module")
def pod() -> dict[str, Any]:
    found = pods([WRITTEN["Deployment/taxiway-serving"]])
    return dict(found["taxiway-serving"]["spec"])


@pytest.fixture(scope="module")
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["containers"]
    return dict(only)


def mounted(pod: dict[str, Any], container: dict[str, Any], path: str) -> dict[str, Any]:
    """The mount that a path is in, and its volume."""
    (mount,) = [
        one for one in container["volumeMounts"] if f"{path}/".startswith(f"{one['mountPath']}/")
    ]
    (volume,) = [one for one in pod["volumes"] if one["name"] == mount["name"]]
    return {**mount, **volume}


def test_its_command_reads_the_config_that_the_map_holds(
    pod: dict[str, Any], container: dict[str, Any]
) -> None:
    assert container["command"] == ["taxiway", "serve"]
    overlay = container["args"][1].partition("=")[2]
    found = mounted(pod, container, overlay)
    made = yaml.safe_load((OVERLAY.parent / "kustomization.yaml").read_text())
    (generated,) = made["configMapGenerator"]
    assert found["configMap"]["name"] == generated["name"]
    assert generated["files"] == [Path(overlay).name] == [OVERLAY.name]


def test_ports_are_the_configs(config: Config, container: dict[str, Any]) -> None:
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    section = config.serving
    wanted = {"https": section.port, "grpc": section.grpc_port, "https-admin": section.admin_port}
    assert ports == wanted
    service = {
        one["targetPort"]: one["port"]
        for one in WRITTEN["Service/taxiway-serving"]["spec"]["ports"]
    }
    assert service == wanted


def test_probes_ask_for_health_which_takes_no_token(container: dict[str, Any]) -> None:
    asked = {}
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        get = container[name]["httpGet"]
        assert (get["port"], get["scheme"]) == ("https-admin", "HTTPS")
        asked[name] = get["path"]
    assert set(asked.values()) <= HEALTH
    assert asked["readinessProbe"] == "/readyz"


def test_the_certificate_is_a_secrets_and_its_user_may_read_it(
    config: Config, pod: dict[str, Any], container: dict[str, Any]
) -> None:
    tls = config.serving.tls
    for path in (tls.certificate, tls.key):
        found = mounted(pod, container, path)
        assert found["readOnly"] is True
        assert found["secret"] == {"secretName": "taxiway-serving-tls", "defaultMode": 0o440}
    assert Path(tls.certificate).name == "tls.crt"  # as `kubectl create secret tls` names them
    assert Path(tls.key).name == "tls.key"
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]


def test_it_writes_where_it_publishes_and_logs_and_nowhere_else(
    config: Config, pod: dict[str, Any], container: dict[str, Any]
) -> None:
    for path, writes in (
        (config.push_target.destination, True),
        (config.serving.log.root, True),
        (config.registry.store, False),
        (config.data.root, False),
    ):
        found = mounted(pod, container, path)
        assert found["persistentVolumeClaim"]["claimName"] == "taxiway"
        assert found.get("readOnly", False) is not writes, path


def test_it_has_the_registrys_password_and_may_have_a_token(
    config: Config, pod: dict[str, Any], container: dict[str, Any]
) -> None:
    registry: Any = config.registry
    env = {one["name"]: one["value"] for one in container["env"]}
    password = mounted(pod, container, env[f"{registry.password_env}_FILE"])
    assert password["secret"]["secretName"] == "taxiway-metadata"
    (item,) = password["secret"]["items"]
    assert item == {"key": "password", "path": Path(env[f"{registry.password_env}_FILE"]).name}
    token = mounted(pod, container, env[f"{TOKEN_ENV}_FILE"])
    assert (token["secret"]["secretName"], token["secret"]["optional"]) == ("taxiway-serving", True)
    assert all(
        one["readOnly"] and one["secret"]["defaultMode"] == 0o440 for one in (password, token)
    )


def test_the_versions_that_it_loads_fit_into_its_memory(
    config: Config, container: dict[str, Any]
) -> None:
    backend: Any = config.serving.backend
    limit = container["resources"]["limits"]["memory"]
    assert limit.endswith("Gi")
    versions = config.serving.limits.loaded_versions
    assert versions * backend.memory_limit_mb < int(limit.removesuffix("Gi")) * 1024


def test_it_ends_after_the_requests_that_it_has(
    config: Config, pod: dict[str, Any], container: dict[str, Any]
) -> None:
    wait = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] >= wait + config.serving.limits.seconds + 30


def test_a_drained_host_and_a_new_release_leave_one_that_answers() -> None:
    deployment = WRITTEN["Deployment/taxiway-serving"]["spec"]
    scaler = WRITTEN["HorizontalPodAutoscaler/taxiway-serving"]["spec"]
    budget = WRITTEN["PodDisruptionBudget/taxiway-serving"]["spec"]
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "replicas" not in deployment  # each `kubectl apply` would undo what the autoscaler did
    assert scaler["minReplicas"] > budget["maxUnavailable"]
    assert scaler["scaleTargetRef"] == {
        **{"apiVersion": "apps/v1", "kind": "Deployment"},
        "name": "taxiway-serving",
    }


def test_it_calls_the_database_and_names_alone_and_operators_are_near(config: Config) -> None:
    policy = WRITTEN["NetworkPolicy/taxiway-serving"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    registry: Any = config.registry
    database = {"app.kubernetes.io/name": registry.host}
    assert policy["egress"][0]["to"] == [{"podSelector": {"matchLabels": database}}]
    assert {port["port"] for port in policy["egress"][0]["ports"]} == {registry.port}
    assert {port["port"] for port in policy["egress"][1]["ports"]} == {53}
    (admin,) = [rule for rule in policy["ingress"] if rule["ports"][0]["port"] == "https-admin"]
    assert {"namespaceSelector": {}} not in admin["from"]
