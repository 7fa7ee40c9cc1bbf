"""The Kubernetes manifests as they are written, for the tests that look at them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import click
import yaml
from kubernetes import client

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.workers.dask.cluster import DaskWorkers
from tests.conftest import REPOSITORY, TINY

KUBERNETES = REPOSITORY / "deploy" / "kubernetes"
MAY_BE_ROOT = {("taxiway-volume", "own")}
MODELS = {
    ("v1", "ConfigMap"): "V1ConfigMap",
    ("v1", "PersistentVolumeClaim"): "V1PersistentVolumeClaim",
    ("v1", "Secret"): "V1Secret",
    ("v1", "Service"): "V1Service",
    ("apps/v1", "Deployment"): "V1Deployment",
    ("apps/v1", "StatefulSet"): "V1StatefulSet",
    ("batch/v1", "Job"): "V1Job",
    ("networking.k8s.io/v1", "NetworkPolicy"): "V1NetworkPolicy",
    ("policy/v1", "PodDisruptionBudget"): "V1PodDisruptionBudget",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "V2HorizontalPodAutoscaler",
}
SCALARS = {"str": str, "int": int, "bool": bool}
Document = dict[str, Any]


def written() -> dict[str, Document]:
    """Every manifest as it is in the repository, by `Kind/name`."""
    files = [one for one in KUBERNETES.rglob("*.yaml") if one.name != "kustomization.yaml"]
    found = [one for file in sorted(files) for one in yaml.safe_load_all(file.read_text())]
    named = {f"{one['kind']}/{one['metadata']['name']}": one for one in found}
    assert len(named) == len(found) >= 8
    return named


def parsed(value: Any, kind: str, path: str = "") -> Any:
    """The value as the API's type of that name; an unknown, missing or mistyped field fails."""
    if items := re.fullmatch(r"list\[(.+)\]", kind):
        assert isinstance(value, list), f"{path}: a list is expected"
        return [parsed(one, items[1], f"{path}[{index}]") for index, one in enumerate(value)]
    if values := re.fullmatch(r"dict\(str, (.+)\)", kind):
        assert isinstance(value, dict), f"{path}: a mapping is expected"
        assert all(isinstance(key, str) for key in value), f"{path}: keys are strings"
        return {key: parsed(one, values[1], f"{path}.{key}") for key, one in value.items()}
    if kind == "object":  # an integer or a string, a quantity
        assert isinstance(value, str | int), f"{path}: {value!r}"
        return value
    if kind in SCALARS:
        assert type(value) is SCALARS[kind], f"{path}: {value!r} is no {kind}"
        return value
    model = getattr(client, kind)
    assert isinstance(value, dict), f"{path}: {kind} is expected"
    fields = {name: attribute for attribute, name in model.attribute_map.items()}
    unknown = sorted(set(value) - set(fields))
    assert not unknown, f"{path}: {kind} has no {', '.join(unknown)}"
    arguments = {
        fields[name]: parsed(one, model.openapi_types[fields[name]], f"{path}.{name}")
        for name, one in value.items()
    }
    return model(**arguments)  # which refuses what lacks a required field


def parsed_document(document: Document) -> Any:
    model = MODELS[document["apiVersion"], document["kind"]]
    return parsed(document, model, f"{document['kind']}/{document['metadata']['name']}")


def pods(documents: Iterator[Document] | list[Document]) -> dict[str, Document]:
    """Pod templates by the name of what makes them."""
    return {
        one["metadata"]["name"]: one["spec"]["template"]
        for one in documents
        if "template" in one.get("spec", {})
    }


def containers(documents: list[Document]) -> list[tuple[str, Document, Document]]:
    """Owner, pod spec and container, init containers among them."""
    return [
        (name, pod["spec"], container)
        for name, pod in pods(documents).items()
        for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"])
    ]


WRITTEN = written()
DASK_PODS = {
    name: WRITTEN[f"Deployment/{name}"]["spec"]["template"]["spec"]
    for name in ("taxiway-dask", "taxiway-dask-worker")
}
CONTAINERS = containers(list(WRITTEN.values()))


class Cluster:
    """The Dask cluster as it is written, and as a run on Kubeflow knows it."""

    @classmethod
    def of_the_manifests(cls) -> Cluster:
        return cls(load_config([TINY, "kubeflow", "kubeflow-dask"]))

    def __init__(self, config: Config) -> None:
        self.kubeflow, workers = config.kubeflow, config.engine.workers
        assert isinstance(workers, DaskWorkers)
        self.config = workers

    def command(self, name: str) -> dict[str, Any]:
        """What the command that a pod runs understands; what it does not know it refuses."""
        from distributed.cli import dask_scheduler, dask_worker

        (container,) = DASK_PODS[name]["containers"]
        *python, kind = container["command"]
        assert python == ["python", "-m", "dask"]
        main = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}[kind]
        for option in main.params:
            if isinstance(option.type, click.Path):
                option.type = click.Path()  # the files are there in the pod only
        given: dict[str, Any] = main.make_context(kind, list(container["args"])).params
        assert not given["preload_argv"]
        return given

    def ports(self, name: str) -> dict[str, int]:
        (container,) = DASK_PODS[name]["containers"]
        return {one["name"]: one["containerPort"] for one in container["ports"]}

    def mounts(self, name: str) -> dict[str, Any]:
        """What is mounted where."""
        (container,) = DASK_PODS[name]["containers"]
        volumes = {one.pop("name"): one for one in deepcopy(DASK_PODS[name]["volumes"])}
        return {
            one["mountPath"]: next(iter(volumes[one["name"]].values()))
            for one in container["volumeMounts"]
        }
