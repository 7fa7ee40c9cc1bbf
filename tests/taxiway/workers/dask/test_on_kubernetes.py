"""The commands of deploy/kubernetes/dask as they are written, each pod on a loopback address."""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from taxiway.workers.dask.cluster import Dask, DaskWorkers
from tests.conftest import REPOSITORY
from tests.dask_cluster import CONFIG, IMPORTABLE, Node, listening, make_certificates, wait_until
from tests.deploy.manifests import DASK_PODS, Cluster
from tests.taxiway.workers.conftest import SHARDS, Bench

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("dask")]

ADDRESSES = {"taxiway-dask": "127.0.0.2", "taxiway-dask-worker": "127.0.0.3"}


@pytest.fixture
def here(tmp_path: Path) -> dict[str, str]:
    """What stands for names and folders that only pods know."""
    return {
        "/etc/taxiway/dask": str(make_certificates(tmp_path / "certificates")),
        "/etc/dask/dask.yaml": str(CONFIG),
        "/tmp/dask": str(tmp_path / "scratch"),
        "//taxiway-dask:": f"//{ADDRESSES['taxiway-dask']}:",
        "$(MEMORY_LIMIT)": str(4 << 30),
    }


def replaced(text: str, names: dict[str, str]) -> str:
    for name, meant in names.items():
        text = text.replace(name, meant)
    return text


@pytest.fixture
def pods(here: dict[str, str], tmp_path: Path) -> Iterator[dict[str, Node]]:
    """The pods, and the scheduler first, though any order does on a cluster."""
    started: dict[str, Node] = {}
    try:
        for name, pod in DASK_PODS.items():
            (container,) = pod["containers"]
            names = {**here, "$(POD_IP)": ADDRESSES[name]}
            given = [replaced(one, names) for one in container["args"]]
            command = [sys.executable, *container["command"][1:], *given]
            env = {
                **os.environ,
                **{
                    one["name"]: replaced(one["value"], names)
                    for one in container["env"]
                    if "value" in one
                },
                "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{IMPORTABLE}",
                "DASK_DISTRIBUTED__WORKER__PRELOAD": "[]",
            }
            started[name] = Node(command, env, tmp_path, REPOSITORY)
            wait_until(lambda node=started[name], at=ADDRESSES[name]: healthy(node, at), name)
        yield started
    finally:
        for node in started.values():
            node.kill()


def healthy(node: Node, address: str) -> bool:
    """What the probes ask."""
    assert node.process.poll() is None, node.log.read_text()
    try:
        with urllib.request.urlopen(f"http://{address}:8787/health", timeout=5) as answer:
            return bool(answer.read() == b"ok")
    except OSError:
        return False


def test_they_make_a_cluster_that_listens_on_its_pods_addresses(
    pods: dict[str, Node], here: dict[str, str], tmp_path: Path
) -> None:
    import shard_functions

    told = Cluster.of_the_manifests().config.model_dump_json()
    workers = Dask(DaskWorkers.model_validate_json(replaced(told, here)))
    folder = tmp_path / "notes"
    folder.mkdir()
    try:
        assert Bench("dask", workers, folder).run(shard_functions.quick) == b"0,1,2,3,4,5,6,"
    finally:
        workers.close()
    assert len(list(folder.iterdir())) == len(SHARDS)
    for name, node in pods.items():
        ports = [one["containerPort"] for one in DASK_PODS[name]["containers"][0]["ports"]]
        expected = [(ADDRESSES[name], port) for port in ports]
        assert sorted(listening(node.processes())) == sorted(expected)
