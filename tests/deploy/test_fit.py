"""What a compiled pipeline names is what the manifests make."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from tests.conftest import REPOSITORY, TINY, taxiway
from tests.deploy.manifests import CONTAINERS, KUBERNETES, MAY_BE_ROOT, WRITTEN, pods


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config([TINY, "kubeflow"])


@pytest.fixture(scope="module")
def image_user() -> tuple[int, int]:
    """The user and group that the image runs as."""
    users = re.findall(r"^USER (\d+):(\d+)$", (REPOSITORY / "deploy/Dockerfile").read_text(), re.M)
    user, group = users[-1]
    return int(user), int(group)


def test_the_volume(config: Config) -> None:
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
    assert users == 8


def test_the_database(config: Config) -> None:
    metadata: Any = config.metadata
    assert metadata.kind == "mysql"
    (port,) = WRITTEN[f"Service/{metadata.host}"]["spec"]["ports"]
    assert port["port"] == metadata.port
    (server,) = pods([WRITTEN[f"StatefulSet/{metadata.host}"]])[metadata.host]["spec"]["containers"]
    assert {"name": port["targetPort"], "containerPort": metadata.port} in server["ports"]
    env = {one["name"]: one["value"] for one in server["env"]}
    assert env["MARIADB_DATABASE"] == metadata.database
    assert env["MARIADB_USER"] == metadata.user


def test_the_registry_is_a_database_of_its_own_that_the_server_makes(config: Config) -> None:
    metadata: Any = config.metadata
    registry: Any = config.registry
    assert (registry.kind, registry.host, registry.port) == ("mysql", metadata.host, metadata.port)
    assert (registry.user, registry.password_env) == (metadata.user, metadata.password_env)
    assert registry.database != metadata.database
    script = WRITTEN[f"ConfigMap/{metadata.host}-init"]["data"]["registry.sql"]
    assert script.splitlines() == [
        f"CREATE DATABASE IF NOT EXISTS {registry.database};",
        f"GRANT ALL ON {registry.database}.* TO '{registry.user}'@'%';",
    ]
    assert all(
        line in (KUBERNETES.parent / "README.md").read_text() for line in script.splitlines()
    )
    pod = pods(list(WRITTEN.values()))[metadata.host]["spec"]
    (volume,) = [one for one in pod["volumes"] if "configMap" in one]
    assert volume["configMap"]["name"] == f"{metadata.host}-init"
    (server,) = pod["containers"]
    (mount,) = [one for one in server["volumeMounts"] if one["name"] == volume["name"]]
    assert mount["mountPath"] == "/docker-entrypoint-initdb.d"


def test_the_password(config: Config) -> None:
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


def test_only_pods_of_the_namespace_reach_the_database(config: Config) -> None:
    metadata: Any = config.metadata
    policy = WRITTEN[f"NetworkPolicy/{metadata.host}"]["spec"]
    pod = pods(list(WRITTEN.values()))[metadata.host]
    assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in policy
    (rule,) = policy["ingress"]
    assert rule["from"] == [{"podSelector": {}}]


def test_the_image_runs_as_its_own_user(config: Config, image_user: tuple[int, int]) -> None:
    own = [one for one in CONTAINERS if one[2]["image"] == config.kubeflow.image]
    assert len(own) == 6
    for owner, pod, container in own:
        security = {**pod["securityContext"], **container["securityContext"]}
        if (owner, container["name"]) not in MAY_BE_ROOT:
            assert (security["runAsUser"], security["runAsGroup"]) == image_user


def test_the_volume_becomes_that_users(image_user: tuple[int, int]) -> None:
    pod = pods(list(WRITTEN.values()))["taxiway-volume"]["spec"]
    user, group = image_user
    assert f"chown {user}:{group} /taxiway" in pod["initContainers"][0]["args"][0]
    assert pod["securityContext"]["fsGroup"] == group


def test_the_volumes_job_makes_the_folders_and_may_run_again(tmp_path: Path) -> None:
    (step,) = pods(list(WRITTEN.values()))["taxiway-volume"]["spec"]["containers"]
    script = step["args"][0].replace("/taxiway\n", f"{tmp_path}\n")
    for _ in range(2):
        done = subprocess.run([*step["command"], script], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        *("data", "decisions", "models", "pipelines", "reports", "serving")
    ]


def test_the_data_jobs_command_writes_where_runs_look(config: Config, tmp_path: Path) -> None:
    (container,) = pods(list(WRITTEN.values()))["taxiway-data"]["spec"]["containers"]
    program, *arguments = container["command"]
    assert program == "taxiway"
    assert config.data.root.startswith(f"{container['volumeMounts'][0]['mountPath']}/")
    sets = [f"output.root={tmp_path}", "data.export.spans=[1]"]
    done = taxiway(*arguments, "--config", TINY, *[part for one in sets for part in ("--set", one)])
    assert done.code == 0, done.err
    inside = Path(config.data.root).relative_to(config.output.root)
    assert list((tmp_path / inside / "span-1").glob("*.parquet"))
