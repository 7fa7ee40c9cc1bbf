"""What kustomize makes of the manifests."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.deploy.manifests import (
    DASK_PODS,
    KUBERNETES,
    WRITTEN,
    Document,
    containers,
    parsed_document,
    pods,
)

TARGETS = ("base", "data-job", "dask", "serving", "overlays/single-node", "overlays/multi-user")


def kustomize() -> list[str]:
    """The command that builds a folder, as far as this machine has one."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    pytest.skip("neither kustomize nor kubectl is installed")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The manifests with a password, for a test to change."""
    target = tmp_path / "kubernetes"
    shutil.copytree(KUBERNETES, target, ignore=shutil.ignore_patterns("password.env"))
    for folder in ("dask", "serving"):
        shutil.copytree(REPOSITORY / "deploy" / folder, tmp_path / folder)
    (target / "base/password.env").write_text("password=one\nroot-password=two\n")
    return target


def built(folder: Path) -> list[Document]:
    """What kustomize makes of a folder."""
    done = subprocess.run([*kustomize(), str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


@pytest.mark.parametrize("target", TARGETS)
def test_it_is_valid_and_complete(copy: Path, target: str) -> None:
    documents = built(copy / target)
    names = {f"{one['kind']}/{one['metadata']['name']}" for one in documents}
    job = {"Job/taxiway-data"}
    dask = {one for one in WRITTEN if "/taxiway-dask" in one}
    serving = {one for one in WRITTEN if one.endswith("/taxiway-serving")}
    base = set(WRITTEN) - job - dask - serving | {"Secret/taxiway-metadata"}
    made = {one for one in names if re.match("ConfigMap/taxiway-(dask|serving)-", one)}
    own = {"data-job": job, "dask": dask | made, "serving": serving | made}
    assert names == own.get(target, base)
    assert len(made) == (target in ("dask", "serving"))
    for one in documents:
        parsed_document(one)
        assert "namespace" not in one["metadata"]


def test_without_a_password_nothing_is_built(copy: Path) -> None:
    command = kustomize()
    (copy / "base/password.env").unlink()
    done = subprocess.run([*command, str(copy / "base")], capture_output=True, text=True)
    assert done.returncode != 0
    assert "password.env" in done.stderr


def test_a_single_node_needs_no_shared_storage(copy: Path) -> None:
    claims = [
        one["spec"]["accessModes"]
        for one in built(copy / "overlays/single-node")
        if one["kind"] == "PersistentVolumeClaim"
    ]
    assert claims == [["ReadWriteOnce"]]


@pytest.mark.parametrize("target", ["dask", "serving"])
def test_a_changed_config_is_another_map_and_so_starts_other_pods(copy: Path, target: str) -> None:
    text = (REPOSITORY / f"deploy/{target}/{target}.yaml").read_text()
    names = []
    for changed in (text, f"{text}# changed\n"):
        (copy.parent / f"{target}/{target}.yaml").write_text(changed)
        documents = built(copy / target)
        (made,) = [one for one in documents if one["kind"] == "ConfigMap"]
        assert made["data"] == {f"{target}.yaml": changed}
        names.append(made["metadata"]["name"])
        for pod in pods(documents).values():
            volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
            assert volumes["config"]["configMap"]["name"] == names[-1]
    assert len(set(names)) == 2


def test_among_profiles_neither_the_database_nor_a_job_has_a_sidecar(copy: Path) -> None:
    targets = ("overlays/multi-user", "data-job", "dask")
    found = pods([one for target in targets for one in built(copy / target)])
    for name in ("taxiway-metadata", "taxiway-volume", "taxiway-data", *DASK_PODS):
        metadata = found[name]["metadata"]
        assert metadata["annotations"]["sidecar.istio.io/inject"] == "false"
        assert metadata["labels"]["sidecar.istio.io/inject"] == "false"
        assert metadata["labels"]["app.kubernetes.io/name"] == name


@pytest.mark.parametrize("target", TARGETS)
def test_the_image_is_said_in_one_place(copy: Path, target: str) -> None:
    place = copy / "image/kustomization.yaml"
    text = place.read_text()
    text = re.sub("newName: taxiway", "newName: registry.example.com/team/taxiway", text)
    place.write_text(re.sub("newTag: dev", "newTag: 1.2.3", text))
    images = {container["image"] for _, _, container in containers(built(copy / target))}
    assert {one for one in images if "mariadb" not in one} == {
        "registry.example.com/team/taxiway:1.2.3"
    }
