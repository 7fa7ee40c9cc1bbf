"""A container component's user is not ours: what crosses between the two, in both directions."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import stat
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.metadata.records import NodeRecord
from taxiway.metadata.store import run_store
from taxiway.process.manifest import MANIFEST_FILE, verify
from taxiway.runners.nodes.shared_files import lend
from tests.conftest import TINY
from tests.taxiway.runners.kubeflow import foreign_pipeline
from tests.taxiway.runners.kubeflow.docker_tasks import DockerTasks
from tests.taxiway.runners.kubeflow.interpreter import TaskRun

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.xdist_group("kubeflow"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user"),
]

OURS = 10001
"""The image's user."""
USERS = {
    "root without rights": "0:0",
    "a random user of OpenShift": "1000680000:0",
    "nobody, as root is on NFS with root_squash": "65534:65534",
}


@contextlib.contextmanager
def as_ours() -> Iterator[None]:
    """As the image's user and under the umask of Argo's emissary, until the block ends."""
    before = os.umask(0)
    os.setegid(OURS)
    os.seteuid(OURS)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.umask(before)


@pytest.fixture
def config(busybox_image: str) -> Iterator[Config]:
    """On a volume of the image's user; not in pytest's folder, which is closed to other users."""
    root = Path(tempfile.mkdtemp(prefix="taxiway-volume-"))
    os.chown(root, OURS, OURS)
    root.chmod(0o755)
    yield load_config(
        [TINY],
        [
            f"output.root={root}",
            f"container.image={busybox_image}",
            f"pipeline.module={foreign_pipeline.__name__}",
        ],
    )
    shutil.rmtree(root)


def attempt(config: Config, node_id: str, run: str, phase: str = "whole") -> int:
    from taxiway.runners.kubeflow.task.attempt import Attempt
    from taxiway.runners.kubeflow.task.outputs import TaskOutputs

    with as_ours():
        return Attempt(config, node_id, run, TaskOutputs("{}")).run(phase)


def prepared(config: Config, node_id: str, run: str, folder: Path) -> list[str]:
    """The command that `prepare` gives the container's own task."""
    from taxiway.runners.kubeflow.compile import _container_command
    from taxiway.runners.kubeflow.task.attempt import Attempt, _find
    from taxiway.runners.kubeflow.task.outputs import TaskOutputs

    names = ["run", *(f"argument_{index}" for index in range(9))]
    places = {name: {"outputFile": str(folder / name)} for name in names}
    record = {"artifacts": [{"name": "record", "uri": str(folder / "record")}]}
    output_file = str(folder / "out.json")
    given = {"parameters": places, "artifacts": {"record": record}, "outputFile": output_file}
    with as_ours():
        outputs = TaskOutputs(json.dumps({"outputs": given}))
        assert Attempt(config, node_id, run, outputs).run("prepare") == 0
    assert json.loads((folder / "record").read_text())["state"] == "RUNNING"
    node, _ = _find(config, node_id, run)
    name = re.compile(r"\{\{\$\.inputs\.parameters\['(\w+)'\]\}\}")
    return [
        name.sub(lambda found: (folder / found[1]).read_text(), part)
        for part in _container_command(node)
    ]


def container(config: Config, node_id: str, command: list[str], user: str, logs: Path) -> str:
    """Runs the container's own task to its end, and gives what it wrote to its log."""
    root = str(config.output.root)
    task = TaskRun(node_id.lower(), 0, config.container.image, command, {}, {root: root}, None)
    docker = DockerTasks(logs, user=user)
    code = docker(task)
    told = docker.log(task).read_text()
    assert code == 0, told
    return told


def record_of(config: Config, run: str, node_id: str) -> NodeRecord:
    found = run_store(config.metadata).node(run, node_id)
    assert found is not None
    return found


@pytest.fixture
def params() -> Iterator[Path]:
    """A folder for everyone; not in pytest's own, which is closed to other users."""
    folder = Path(tempfile.mkdtemp(prefix="taxiway-parameters-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("who", USERS)
def test_the_manifest_is_written_whoever_its_container_is(
    config: Config, who: str, params: Path, tmp_path: Path
) -> None:
    run = str(uuid.uuid4())
    assert attempt(config, "MakeModel", run) == 0
    command = prepared(config, "ModelManifest", run, params)
    container(config, "ModelManifest", command, USERS[who], tmp_path)
    assert attempt(config, "ModelManifest", run, "publish") == 0
    model = record_of(config, run, "MakeModel").output("model")
    manifest = record_of(config, run, "ModelManifest").output("manifest")
    assert model is not None
    assert manifest is not None
    written = Path(manifest.uri) / MANIFEST_FILE
    assert written.stat().st_uid == int(USERS[who].partition(":")[0])
    assert not stat.S_IMODE(Path(manifest.uri).stat().st_mode) & stat.S_IWOTH
    verify(Path(model.uri) / "Format-Serving", written)
    with as_ours():
        shutil.rmtree(manifest.uri)  # as a cleanup does


def test_what_only_the_containers_user_may_read_fails_the_node_and_another_attempt_can_be_made(
    config: Config, params: Path, tmp_path: Path
) -> None:
    run, node = str(uuid.uuid4()), "KeepsToItself"
    command = prepared(config, node, run, params)
    container(config, node, command, "0:0", tmp_path)
    assert attempt(config, node, run, "publish") == 1
    (output,) = Path(config.output.pipeline_root(config.pipeline.name)).glob(f"{node}/kept/[0-9]*")
    kept = output / "deep/er/file"
    assert record_of(config, run, node).error == (
        f"the container of {node} left {kept} (user 0, mode 0600), which user {OURS} cannot read: "
        "expected outputs that everyone may read"
    )
    assert prepared(config, node, run, params) == command
    assert list(output.iterdir()) == []
    (aside,) = output.parent.glob(f".{output.name}.abandoned-*")
    assert (aside / "deep/er/file").read_text() == "secret\n"


def test_a_file_of_someone_else_that_cannot_be_opened_is_named_in_the_log(
    params: Path, caplog: pytest.LogCaptureFixture
) -> None:
    closed = params / "closed"
    closed.touch(mode=0o640)
    with as_ours():
        lend({"model": [SimpleNamespace(uri=str(params))]}, {})
    (told,) = caplog.messages
    assert told == (
        f"{closed} (user 0, mode 0640) cannot be opened to the user of a container: Operation not "
        "permitted; where that user cannot use it, expected mode 0644"
    )


def test_nothing_is_opened_further_than_needed(params: Path) -> None:
    made, taken = params / "made", params / "above/taken"
    value = params / "one/value"
    for folder in (made, taken.parent, taken, value.parent):
        folder.mkdir(mode=0o700)
    (taken / "file").touch(mode=0o600)
    (taken / "link").symlink_to("/etc/hostname")
    value.touch(mode=0o600)
    uris = [SimpleNamespace(uri=str(made)), SimpleNamespace(uri=f"file://{value}")]
    lend({"a": [SimpleNamespace(uri=str(taken))]}, {"b": uris})
    modes = {
        path.relative_to(params).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in (made, taken.parent, taken, taken / "file", value, value.parent)
    }
    assert modes == {
        "made": 0o777,
        "above": 0o711,
        "above/taken": 0o755,
        "above/taken/file": 0o644,
        "one": 0o777,
        "one/value": 0o666,
    }
