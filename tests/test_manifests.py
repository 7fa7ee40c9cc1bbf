"""The Kubernetes manifests: valid, closed by default, without secrets, and as the config has it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from kubernetes import client

from configs.engines import DaskWorkers
from configs.loader import load_config
from configs.schema import Config
from tests.conftest import REPOSITORY, taxiway

KUBERNETES = REPOSITORY / "deploy" / "kubernetes"
TARGETS = ("base", "data-job", "dask", "overlays/single-node", "overlays/multi-user")
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
EACH_CONTAINER = pytest.mark.parametrize(
    ("owner", "pod", "container"),
    CONTAINERS,
    ids=[f"{owner}-{container['name']}" for owner, _, container in CONTAINERS],
)


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(["kubeflow"])


@pytest.fixture(scope="module")
def image_user() -> tuple[int, int]:
    """The user and group that the image runs as."""
    users = re.findall(r"^USER (\d+):(\d+)$", (REPOSITORY / "deploy/Dockerfile").read_text(), re.M)
    user, group = users[-1]
    return int(user), int(group)


class Cluster:
    """The Dask cluster as it is written, and as a run on Kubeflow knows it."""

    @classmethod
    def of_the_manifests(cls) -> Cluster:
        return cls(load_config(["kubeflow", "kubeflow-dask"]))

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


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster.of_the_manifests()


class TestWritten:
    @pytest.mark.parametrize("name", WRITTEN)
    def test_every_field_is_one_of_the_api(self, name: str) -> None:
        parsed_document(WRITTEN[name])

    @pytest.mark.parametrize("name", WRITTEN)
    def test_selectors_match_the_labels_of_some_pod(self, name: str) -> None:
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

    @pytest.mark.parametrize("folder", ["base", "data-job", "dask"])
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


class TestFit:
    """What a compiled pipeline names is what the manifests make."""

    def test_the_volume(self, config: Config) -> None:
        volume = config.kubeflow.volume
        assert volume is not None
        claim = WRITTEN[f"PersistentVolumeClaim/{volume.claim}"]
        assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
        users = 0
        for _, pod, container in CONTAINERS:
            sources = {one["name"]: one.get("persistentVolumeClaim") for one in pod["volumes"]}
            for mount in container["volumeMounts"]:
                source = sources.get(mount["name"])
                if source:
                    users += 1
                    assert source["claimName"] == volume.claim
                    inside = Path(volume.mount_path) / mount.get("subPath", "")
                    assert mount["mountPath"] == str(inside)
        assert users == 5

    def test_the_database(self, config: Config) -> None:
        metadata: Any = config.metadata
        assert metadata.kind == "mysql"
        (port,) = WRITTEN[f"Service/{metadata.host}"]["spec"]["ports"]
        assert port["port"] == metadata.port
        (server,) = pods([WRITTEN[f"StatefulSet/{metadata.host}"]])[metadata.host]["spec"][
            "containers"
        ]
        assert {"name": port["targetPort"], "containerPort": metadata.port} in server["ports"]
        env = {one["name"]: one["value"] for one in server["env"]}
        assert env["MARIADB_DATABASE"] == metadata.database
        assert env["MARIADB_USER"] == metadata.user

    def test_the_password(self, config: Config) -> None:
        metadata: Any = config.metadata
        (secret,) = config.kubeflow.secrets
        ((key, variable),) = secret.env.items()
        assert variable == metadata.password_env
        made = yaml.safe_load((KUBERNETES / "base/kustomization.yaml").read_text())
        (generated,) = made["secretGenerator"]
        assert generated["name"] == secret.name
        assert generated["options"]["disableNameSuffixHash"] is True
        pod = pods(list(WRITTEN.values()))[metadata.host]["spec"]
        (volume,) = [one for one in pod["volumes"] if "secret" in one]
        assert volume["secret"]["secretName"] == secret.name
        (server,) = pod["containers"]
        (mount,) = [one for one in server["volumeMounts"] if one["name"] == volume["name"]]
        env = {one["name"]: one["value"] for one in server["env"]}
        assert env["MARIADB_PASSWORD_FILE"] == f"{mount['mountPath']}/{key}"
        example = (KUBERNETES / "base/password.env.example").read_text()
        assert re.findall(r"^([\w-]+)=", example, re.M) == [
            key,
            Path(env["MARIADB_ROOT_PASSWORD_FILE"]).name,
        ]

    def test_only_pods_of_the_namespace_reach_the_database(self, config: Config) -> None:
        metadata: Any = config.metadata
        policy = WRITTEN[f"NetworkPolicy/{metadata.host}"]["spec"]
        pod = pods(list(WRITTEN.values()))[metadata.host]
        assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert "egress" not in policy
        (rule,) = policy["ingress"]
        assert rule["from"] == [{"podSelector": {}}]

    def test_the_image_runs_as_its_own_user(
        self, config: Config, image_user: tuple[int, int]
    ) -> None:
        own = [one for one in CONTAINERS if one[2]["image"] == config.kubeflow.image]
        assert len(own) == 6
        for owner, pod, container in own:
            security = {**pod["securityContext"], **container["securityContext"]}
            if (owner, container["name"]) not in MAY_BE_ROOT:
                assert (security["runAsUser"], security["runAsGroup"]) == image_user

    def test_the_volume_becomes_that_users(self, image_user: tuple[int, int]) -> None:
        pod = pods(list(WRITTEN.values()))["taxiway-volume"]["spec"]
        user, group = image_user
        assert f"chown {user}:{group} /taxiway" in pod["initContainers"][0]["args"][0]
        assert pod["securityContext"]["fsGroup"] == group

    def test_the_volumes_job_makes_the_folders_and_may_run_again(self, tmp_path: Path) -> None:
        (step,) = pods(list(WRITTEN.values()))["taxiway-volume"]["spec"]["containers"]
        script = step["args"][0].replace("/taxiway\n", f"{tmp_path}\n")
        for _ in range(2):
            done = subprocess.run([*step["command"], script], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        assert sorted(one.name for one in tmp_path.iterdir()) == [
            *("data", "pipelines", "reports", "serving")
        ]

    def test_serving_sees_pushed_models_and_cannot_change_them(self, config: Config) -> None:
        (container,) = pods(list(WRITTEN.values()))["taxiway-serving"]["spec"]["containers"]
        mount = container["volumeMounts"][0]
        assert mount["readOnly"] is True
        assert f"{config.push.destination}/".startswith(f"{mount['mountPath']}/")

    def test_the_data_jobs_command_writes_where_runs_look(
        self, config: Config, tmp_path: Path
    ) -> None:
        (container,) = pods(list(WRITTEN.values()))["taxiway-data"]["spec"]["containers"]
        program, *arguments = container["command"]
        assert program == "taxiway"
        assert config.data.root.startswith(f"{container['volumeMounts'][0]['mountPath']}/")
        sets = [f"output.root={tmp_path}", "data.export.spans=[1]"]
        done = taxiway(*arguments, *[part for one in sets for part in ("--set", one)])
        assert done.code == 0, done.err
        inside = Path(config.data.root).relative_to(config.output.root)
        assert list((tmp_path / inside / "span-1").glob("*.parquet"))


class TestDask:
    """The cluster for heavy steps: as Dask's own commands, its config and the runs have it."""

    def test_runs_find_the_scheduler_and_their_certificates(self, cluster: Cluster) -> None:
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

    def test_a_run_has_the_other_secrets_too(self, cluster: Cluster, config: Config) -> None:
        assert [*config.kubeflow.secrets] == [*cluster.kubeflow.secrets][:-1]

    @pytest.mark.parametrize("name", DASK_PODS)
    def test_it_listens_at_its_pods_address_on_the_ports_it_names(
        self, cluster: Cluster, name: str
    ) -> None:
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

    def test_a_pod_is_one_worker_of_one_thread_that_knows_its_memory(
        self, cluster: Cluster
    ) -> None:
        given = cluster.command("taxiway-dask-worker")
        assert (given["n_workers"], given["nthreads"]) == ("1", 1)
        assert given["memory_limit"] == "$(MEMORY_LIMIT)"
        (container,) = DASK_PODS["taxiway-dask-worker"]["containers"]
        assert {
            "name": "MEMORY_LIMIT",
            "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}},
        } in container["env"]

    @pytest.mark.parametrize("name", DASK_PODS)
    def test_it_reads_the_config_of_every_cluster(self, cluster: Cluster, name: str) -> None:
        component = yaml.safe_load((REPOSITORY / "deploy/dask/kustomization.yaml").read_text())
        (made,) = component["configMapGenerator"]
        assert made["files"] == ["dask.yaml"]
        assert cluster.mounts(name)["/etc/dask"] == {"name": made["name"]}
        (container,) = DASK_PODS[name]["containers"]
        assert {"name": "DASK_CONFIG", "value": "/etc/dask/dask.yaml"} in container["env"]
        kustomization = yaml.safe_load((KUBERNETES / "dask/kustomization.yaml").read_text())
        assert "../../dask" in kustomization["components"]

    def test_only_pods_of_the_namespace_reach_the_scheduler(self) -> None:
        policy = WRITTEN["NetworkPolicy/taxiway-dask"]["spec"]
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert policy["ingress"] == [
            {"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": "dask"}]}
        ]

    def test_only_the_cluster_reaches_its_workers(self, cluster: Cluster) -> None:
        ports = cluster.ports("taxiway-dask-worker")
        (rule,) = WRITTEN["NetworkPolicy/taxiway-dask-worker"]["spec"]["ingress"]
        labels = [one["podSelector"]["matchLabels"] for one in rule["from"]]
        assert labels == [{"app.kubernetes.io/name": name} for name in DASK_PODS]
        assert {one["port"] for one in rule["ports"]} == set(ports) - {"health"}
        (called,) = WRITTEN["NetworkPolicy/taxiway-dask"]["spec"]["egress"]
        assert called["to"] == [{"podSelector": {"matchLabels": labels[1]}}]
        assert [one["port"] for one in called["ports"]] == [ports["worker"], ports["nanny"]]


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
    shutil.copytree(REPOSITORY / "deploy/dask", tmp_path / "dask")
    (target / "base/password.env").write_text("password=one\nroot-password=two\n")
    return target


def built(folder: Path) -> list[Document]:
    """What kustomize makes of a folder."""
    done = subprocess.run([*kustomize(), str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


class TestBuilt:
    @pytest.mark.parametrize("target", TARGETS)
    def test_it_is_valid_and_complete(self, copy: Path, target: str) -> None:
        documents = built(copy / target)
        names = {f"{one['kind']}/{one['metadata']['name']}" for one in documents}
        job = {"Job/taxiway-data"}
        dask = {one for one in WRITTEN if "/taxiway-dask" in one}
        base = set(WRITTEN) - job - dask | {"Secret/taxiway-metadata"}
        made = {one for one in names if one.startswith("ConfigMap/taxiway-dask-")}
        assert names == {"data-job": job, "dask": dask | made}.get(target, base)
        assert len(made) == (target == "dask")
        for one in documents:
            parsed_document(one)
            assert "namespace" not in one["metadata"]

    def test_without_a_password_nothing_is_built(self, copy: Path) -> None:
        command = kustomize()
        (copy / "base/password.env").unlink()
        done = subprocess.run([*command, str(copy / "base")], capture_output=True, text=True)
        assert done.returncode != 0
        assert "password.env" in done.stderr

    def test_a_single_node_needs_no_shared_storage(self, copy: Path) -> None:
        claims = [
            one["spec"]["accessModes"]
            for one in built(copy / "overlays/single-node")
            if one["kind"] == "PersistentVolumeClaim"
        ]
        assert claims == [["ReadWriteOnce"]]

    def test_a_changed_dask_config_is_another_map_and_so_starts_other_pods(
        self, copy: Path
    ) -> None:
        text = (REPOSITORY / "deploy/dask/dask.yaml").read_text()
        names = []
        for changed in (text, text.replace("60 s", "90 s")):
            (copy.parent / "dask/dask.yaml").write_text(changed)
            documents = built(copy / "dask")
            (made,) = [one for one in documents if one["kind"] == "ConfigMap"]
            assert made["data"] == {"dask.yaml": changed}
            names.append(made["metadata"]["name"])
            for pod in pods(documents).values():
                volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
                assert volumes["config"]["configMap"]["name"] == names[-1]
        assert len(set(names)) == 2

    def test_among_profiles_neither_the_database_nor_a_job_has_a_sidecar(self, copy: Path) -> None:
        targets = ("overlays/multi-user", "data-job", "dask")
        found = pods([one for target in targets for one in built(copy / target)])
        for name in ("taxiway-metadata", "taxiway-volume", "taxiway-data", *DASK_PODS):
            metadata = found[name]["metadata"]
            assert metadata["annotations"]["sidecar.istio.io/inject"] == "false"
            assert metadata["labels"]["sidecar.istio.io/inject"] == "false"
            assert metadata["labels"]["app.kubernetes.io/name"] == name

    @pytest.mark.parametrize("target", TARGETS)
    def test_the_image_is_said_in_one_place(self, copy: Path, target: str) -> None:
        place = copy / "image/kustomization.yaml"
        text = place.read_text()
        text = re.sub("newName: taxiway", "newName: registry.example.com/team/taxiway", text)
        place.write_text(re.sub("newTag: dev", "newTag: 1.2.3", text))
        images = {container["image"] for _, _, container in containers(built(copy / target))}
        assert {one for one in images if "mariadb" not in one} == {
            "registry.example.com/team/taxiway:1.2.3"
        }


def test_every_manifest_that_the_readme_names_exists() -> None:
    text = (REPOSITORY / "deploy/README.md").read_text()
    named = set(re.findall(r"deploy/kubernetes/[\w/.-]*\w", text))
    assert len(named) > 3
    for path in named - {"deploy/kubernetes/base/password.env"}:
        assert (REPOSITORY / path).exists(), path
