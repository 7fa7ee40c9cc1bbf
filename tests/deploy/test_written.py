"""The manifests as they are written: valid, closed by default, and without secrets."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.deploy.manifests import (
    CONTAINERS,
    KUBERNETES,
    MAY_BE_ROOT,
    WRITTEN,
    Document,
    parsed_document,
    pods,
)

EACH_CONTAINER = pytest.mark.parametrize(
    ("owner", "pod", "container"),
    CONTAINERS,
    ids=[f"{owner}-{container['name']}" for owner, _, container in CONTAINERS],
)


class TestWritten:
    @pytest.mark.parametrize("name", WRITTEN)
    def test_every_field_is_one_of_the_api(self, name: str) -> None:
        parsed_document(WRITTEN[name])

    @pytest.mark.parametrize("name", WRITTEN)
    def test_selectors_match_the_labels_of_some_pod(self, name: str) -> None:
        if WRITTEN[name]["kind"] in ("ConfigMap", "HorizontalPodAutoscaler"):
            return
        spec = WRITTEN[name]["spec"]
        selector = spec.get("selector") or spec.get("podSelector")
        if WRITTEN[name]["kind"] in ("PersistentVolumeClaim", "Job"):
            assert selector is None
            return
        wanted = selector.get("matchLabels", selector).items()
        labels = [
            pod["metadata"]["labels"].items() for pod in pods(list(WRITTEN.values())).values()
        ]
        assert wanted
        assert [one for one in labels if wanted <= one]

    @pytest.mark.parametrize("name", WRITTEN)
    def test_the_namespace_is_left_to_who_applies_it(self, name: str) -> None:
        assert "namespace" not in WRITTEN[name]["metadata"]

    @pytest.mark.parametrize("folder", ["base", "data-job", "dask", "serving"])
    def test_a_kustomization_lists_every_manifest_beside_it(self, folder: str) -> None:
        listed = yaml.safe_load((KUBERNETES / folder / "kustomization.yaml").read_text())
        beside = {one.name for one in (KUBERNETES / folder).glob("*.yaml")}
        assert set(listed["resources"]) == beside - {"kustomization.yaml"}

    def test_every_file_says_in_its_first_line_what_it_is_for(self) -> None:
        for path in KUBERNETES.rglob("*"):
            if path.is_file() and path.name != "password.env":
                assert path.read_text().startswith("# "), path


class TestPods:
    @EACH_CONTAINER
    def test_nothing_runs_as_root_but_what_is_named(
        self, owner: str, pod: Document, container: Document
    ) -> None:
        security = {**pod["securityContext"], **container["securityContext"]}
        if (owner, container["name"]) in MAY_BE_ROOT:
            assert security["runAsUser"] == 0
            assert security["capabilities"] == {"drop": ["ALL"], "add": ["CHOWN"]}
        else:
            assert security["runAsNonRoot"] is True
            assert security["runAsUser"] > 0
            assert security["runAsGroup"] > 0
            assert security["capabilities"] == {"drop": ["ALL"]}

    @EACH_CONTAINER
    def test_it_gains_no_rights_and_writes_to_mounts_only(
        self, owner: str, pod: Document, container: Document
    ) -> None:
        security = {**pod["securityContext"], **container["securityContext"]}
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert not [one for one in pod["volumes"] if "hostPath" in one]

    @EACH_CONTAINER
    def test_it_asks_for_cpu_and_memory_and_is_bounded(
        self, owner: str, pod: Document, container: Document
    ) -> None:
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]

    @EACH_CONTAINER
    def test_its_image_has_a_tag(self, owner: str, pod: Document, container: Document) -> None:
        _, _, tag = container["image"].rpartition("/")[2].partition(":")
        assert tag not in ("", "latest")

    @EACH_CONTAINER
    def test_its_mounts_are_volumes_of_its_pod(
        self, owner: str, pod: Document, container: Document
    ) -> None:
        claims = WRITTEN.get(f"StatefulSet/{owner}", {}).get("spec", {})
        made = [one["metadata"] for one in claims.get("volumeClaimTemplates", ())]
        known = {one["name"] for one in (*pod["volumes"], *made)}
        assert {one["name"] for one in container["volumeMounts"]} <= known


class TestSecrets:
    def test_no_manifest_holds_one(self) -> None:
        assert not [name for name in WRITTEN if name.startswith("Secret/")]
        for _, _, container in CONTAINERS:
            for variable in container.get("env", ()):
                if re.search("PASSWORD|TOKEN|SECRET|KEY", variable["name"]):
                    assert variable["name"].endswith("_FILE"), variable

    def test_the_example_has_no_values(self) -> None:
        lines = (KUBERNETES / "base/password.env.example").read_text().splitlines()
        values = [line.partition("=")[2] for line in lines if not line.startswith("#")]
        assert values == ["", ""]

    def test_git_and_the_images_build_leave_the_password_out(self) -> None:
        name = "deploy/kubernetes/base/password.env"
        ignored = (REPOSITORY / "deploy/Dockerfile.dockerignore").read_text().splitlines()
        assert "**/password.env" in ignored
        if shutil.which("git") is None or not (REPOSITORY / ".git").exists():
            pytest.skip("not a git checkout")
        git = ["git", "-C", str(REPOSITORY)]
        assert subprocess.run([*git, "check-ignore", "--quiet", name]).returncode == 0
        listed = subprocess.run([*git, "ls-files"], capture_output=True, text=True, check=True)
        assert not [one for one in listed.stdout.split() if one.endswith("password.env")]


def test_every_manifest_that_the_readme_names_exists() -> None:
    text = (REPOSITORY / "deploy/README.md").read_text()
    named = set(re.findall(r"deploy/kubernetes/[\w/.-]*\w", text))
    assert len(named) > 3
    for path in named - {"deploy/kubernetes/base/password.env"}:
        assert (REPOSITORY / path).exists(), path
