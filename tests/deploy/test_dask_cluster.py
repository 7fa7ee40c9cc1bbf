"""The Dask cluster's manifests: as Dask's own commands, its config and the runs have it."""

from __future__ import annotations

import pytest
import yaml

from taxiway.config.loader import load_config
from tests.conftest import REPOSITORY, TINY
from tests.deploy.manifests import DASK_PODS, KUBERNETES, WRITTEN, Cluster


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster.of_the_manifests()


def test_runs_find_the_scheduler_and_their_certificates(cluster: Cluster) -> None:
    (port,) = WRITTEN["Service/taxiway-dask"]["spec"]["ports"]
    assert cluster.config.address == f"tls://taxiway-dask:{port['port']}"
    assert cluster.ports("taxiway-dask")[port["targetPort"]] == port["port"]
    assert cluster.command("taxiway-dask")["port"] == str(port["port"])
    assert cluster.command("taxiway-dask-worker")["scheduler"] == cluster.config.address
    files = (cluster.config.ca_file, cluster.config.cert_file, cluster.config.key_file)
    (mount,) = {one.mount_path for one in cluster.kubeflow.secrets if one.mount_path}
    for name in DASK_PODS:
        given = cluster.command(name)
        assert (given["tls_ca_file"], given["tls_cert"], given["tls_key"]) == files
        assert cluster.mounts(name)[mount] == {"secretName": "taxiway-dask"}


def test_a_run_has_the_other_secrets_too(cluster: Cluster) -> None:
    config = load_config([TINY, "kubeflow"])
    assert [*config.kubeflow.secrets] == [*cluster.kubeflow.secrets][:-1]


@pytest.mark.parametrize("name", DASK_PODS)
def test_it_listens_at_its_pods_address_on_the_ports_it_names(cluster: Cluster, name: str) -> None:
    given, ports = cluster.command(name), cluster.ports(name)
    assert given["host"] == "$(POD_IP)"
    assert given["dashboard_address"] == f"$(POD_IP):{ports['health']}"
    assert given["dashboard"] is False  # it would be there wherever bokeh is installed
    names = {"dask": "port", "worker": "worker_port", "nanny": "nanny_port"}
    for port in set(ports) - {"health"}:
        assert given[names[port]] == str(ports[port])
    (container,) = DASK_PODS[name]["containers"]
    env = {one["name"]: one.get("valueFrom") for one in container["env"]}
    assert env["POD_IP"] == {"fieldRef": {"fieldPath": "status.podIP"}}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/health", "port": "health"}


def test_a_pod_is_one_worker_of_one_thread_that_knows_its_memory(cluster: Cluster) -> None:
    given = cluster.command("taxiway-dask-worker")
    assert (given["n_workers"], given["nthreads"]) == ("1", 1)
    assert given["memory_limit"] == "$(MEMORY_LIMIT)"
    (container,) = DASK_PODS["taxiway-dask-worker"]["containers"]
    assert {
        "name": "MEMORY_LIMIT",
        "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}},
    } in container["env"]


@pytest.mark.parametrize("name", DASK_PODS)
def test_it_reads_the_config_of_every_cluster(cluster: Cluster, name: str) -> None:
    component = yaml.safe_load((REPOSITORY / "deploy/dask/kustomization.yaml").read_text())
    (made,) = component["configMapGenerator"]
    assert made["files"] == ["dask.yaml"]
    assert cluster.mounts(name)["/etc/dask"] == {"name": made["name"]}
    (container,) = DASK_PODS[name]["containers"]
    assert {"name": "DASK_CONFIG", "value": "/etc/dask/dask.yaml"} in container["env"]
    kustomization = yaml.safe_load((KUBERNETES / "dask/kustomization.yaml").read_text())
    assert "../../dask" in kustomization["components"]


def test_only_pods_of_the_namespace_reach_the_scheduler() -> None:
    policy = WRITTEN["NetworkPolicy/taxiway-dask"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"] == [
        {"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": "dask"}]}
    ]


def test_only_the_cluster_reaches_its_workers(cluster: Cluster) -> None:
    ports = cluster.ports("taxiway-dask-worker")
    (rule,) = WRITTEN["NetworkPolicy/taxiway-dask-worker"]["spec"]["ingress"]
    labels = [one["podSelector"]["matchLabels"] for one in rule["from"]]
    assert labels == [{"app.kubernetes.io/name": name} for name in DASK_PODS]
    assert {one["port"] for one in rule["ports"]} == set(ports) - {"health"}
    (called,) = WRITTEN["NetworkPolicy/taxiway-dask"]["spec"]["egress"]
    assert called["to"] == [{"podSelector": {"matchLabels": labels[1]}}]
    assert [one["port"] for one in called["ports"]] == [ports["worker"], ports["nanny"]]
