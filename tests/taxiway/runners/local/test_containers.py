"""Container components run in Docker where it answers, else on the host, and say which."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from tfx.dsl.component.experimental.container_component import create_container_component
from tfx.dsl.component.experimental.placeholders import InputUriPlaceholder, OutputUriPlaceholder
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.proto.orchestration import executable_spec_pb2
from tfx.types.channel import Channel
from tfx.types.standard_artifacts import Model

from components.artifacts import ModelManifest
from components.model_manifest.component import model_manifest
from taxiway.errors import TaxiwayError
from taxiway.process.manifest import MANIFEST_FILE, verify
from taxiway.runners.local import container_engines as engines
from taxiway.runners.local.container_engines import Engine, Mount, User, choose_engine, run_command
from taxiway.runners.local.containers import make_container_operator
from tests.tied import tied

NO_DAEMON = "unix:///nonexistent.sock"


def script_component(image: str, script: str) -> Any:
    """A component that runs a shell script with its input's and its output's folder."""
    return create_container_component(
        name="Script",
        image=image,
        command=["sh", "-c", script, "script", InputUriPlaceholder("model"),
                 OutputUriPlaceholder("manifest")],
        inputs={"model": Model},
        outputs={"manifest": ModelManifest},
    )  # fmt: skip


class Ran:
    """What a component left behind."""

    def __init__(self, out: Path, said: list[str], result: Any) -> None:
        self.out = out
        self.said = said
        self.engine = result.execution_properties["container_engine"].string_value
        self.image = result.execution_properties["container_image"].string_value


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model artifact's folder, with file names that need quoting."""
    folder = tmp_path / "model 1"
    serving = folder / "Format-Serving"
    (serving / "variables").mkdir(parents=True)
    (serving / "saved_model.pb").write_bytes(b"graph")
    (serving / "variables" / "variables.index").write_bytes(b"")
    (serving / "a name with spaces, and \\ 'quotes'").write_text("x")
    return folder


def run(factory: Any, model: Path | str, out: Path, engine: str) -> Ran:
    """Runs a container component as the Launcher would."""
    out.mkdir(parents=True)
    component = factory(model=Channel(type=Model))
    executor_spec = component.executor_spec.encode(component_spec=component.spec)
    assert isinstance(executor_spec, executable_spec_pb2.ContainerExecutableSpec)
    given, made = Model(), ModelManifest()
    given.uri, made.uri = str(model), str(out)
    said: list[str] = []
    operator = make_container_operator(engine, said.append)(executor_spec)
    info = ExecutionInfo(input_dict={"model": [given]}, output_dict={"manifest": [made]})
    result = operator.run_executor(info)
    assert made.uri == str(out), "the artifact that is published keeps its uri"
    return Ran(out, said, result)


def test_the_manifest_made_in_docker_and_on_the_host_are_the_same(
    busybox_image: str, model: Path, tmp_path: Path
) -> None:
    in_docker = run(model_manifest(busybox_image), model, tmp_path / "docker", "docker")
    on_host = run(model_manifest(busybox_image), model, tmp_path / "host", "host")
    assert (in_docker.engine, on_host.engine) == ("docker", "host")
    assert [one.name for one in in_docker.out.iterdir()] == [MANIFEST_FILE]
    texts = [(ran.out / MANIFEST_FILE).read_text() for ran in (in_docker, on_host)]
    assert texts[0] == texts[1]
    verify(model / "Format-Serving", in_docker.out / MANIFEST_FILE)


def test_the_image_that_ran_is_known_by_its_digest(
    busybox_image: str, model: Path, tmp_path: Path
) -> None:
    ran = run(model_manifest(busybox_image), model, tmp_path / "docker", "docker")
    assert re.search(r"sha256:[0-9a-f]{64}$", ran.image)
    assert run(model_manifest(busybox_image), model, tmp_path / "host", "host").image == ""


def test_what_a_container_wrote_belongs_to_this_user(
    busybox_image: str, model: Path, tmp_path: Path
) -> None:
    script = 'mkdir "$2/folder"; id -u > "$2/folder/uid"; ls -l / > "$2/files"'
    ran = run(script_component(busybox_image, script), model, tmp_path / "out", "docker")
    owners = {path.stat().st_uid for path in (ran.out, *ran.out.rglob("*"))}
    assert owners == {os.getuid()}
    assert ran.said == ["running in docker (container.engine is 'docker')"]


def test_a_container_is_unprivileged_offline_and_writes_its_outputs_only(
    busybox_image: str, model: Path, tmp_path: Path
) -> None:
    script = """
    id -u > "$2/uid"
    ls /sys/class/net > "$2/networks"
    touch() { : > "$1"; }
    for path in /bin /dev /etc "$1" "$1/Format-Serving"; do
      if (touch "$path/written") 2> /dev/null; then echo "$path" >> "$2/writable"; fi
    done
    cat /proc/self/status > "$2/status"
    """
    ran = run(script_component(busybox_image, script), model, tmp_path / "out", "docker")
    status = dict(
        line.split(":", 1) for line in (ran.out / "status").read_text().splitlines() if ":" in line
    )
    assert int((ran.out / "uid").read_text()) != 0
    assert (ran.out / "networks").read_text().split() == ["lo"]
    assert not (ran.out / "writable").exists()
    assert int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"].strip() == "1"


def test_a_relative_uri_is_the_same_place_in_a_container(
    busybox_image: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = Path("out")
    ran = run(model_manifest(busybox_image), model.name, relative, "docker")
    verify(model / "Format-Serving", tmp_path / ran.out / MANIFEST_FILE)


@pytest.mark.parametrize("engine", ["docker", "host"])
def test_a_failing_command_tells_its_last_words(
    engine: str, busybox_image: str, model: Path, tmp_path: Path
) -> None:
    failing = script_component(busybox_image, "echo something is wrong >&2; exit 7")
    with pytest.raises(TaxiwayError, match=r"(?s)exit code 7.*something is wrong"):
        run(failing, model, tmp_path / "out", engine)


def test_outputs_are_taken_back_after_a_failure(
    busybox_image: str, model: Path, tmp_path: Path
) -> None:
    failing = script_component(busybox_image, 'echo half > "$2/half"; exit 1')
    with pytest.raises(TaxiwayError):
        run(failing, model, tmp_path / "out", "docker")
    assert (tmp_path / "out" / "half").stat().st_uid == os.getuid()
    assert (tmp_path / "out").stat().st_uid == os.getuid()


@pytest.mark.usefixtures("busybox_image")
def test_an_image_that_cannot_be_had_is_named_with_its_key(model: Path, tmp_path: Path) -> None:
    with pytest.raises(TaxiwayError, match=r"localhost:1/no-such-image") as caught:
        run(model_manifest("localhost:1/no-such-image"), model, tmp_path / "out", "docker")
    assert "container.image" in caught.value.edit


def test_an_interrupt_ends_the_container(busybox_image: str, model: Path, tmp_path: Path) -> None:
    started = tmp_path / "out" / "started"
    program = f"""
        import sys
        from pathlib import Path
        sys.path[:0] = {sys.path!r}
        from taxiway.runners.local.containers import _run_in_container
        from taxiway.runners.local.container_engines import Engine
        command = ["sh", "-c", ": > {started}; exec sleep 600"]
        out = Path({str(started.parent)!r})
        _run_in_container(Engine("docker"), {busybox_image!r}, command, [], [out])
    """
    started.parent.mkdir()
    child = subprocess.Popen(tied(sys.executable, "-c", textwrap.dedent(program)))
    try:
        wait_until(started.exists)
        child.send_signal(signal.SIGINT)
        assert child.wait(120) != 0
    finally:
        child.kill()
        child.wait()
    listed = subprocess.run(
        ["docker", "ps", "--all", "--quiet", "--filter", f"ancestor={busybox_image}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout == ""


def test_auto_falls_to_the_host_and_says_so(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_commands(monkeypatch, tmp_path, docker="exit 1")
    ran = run(model_manifest("any"), model, tmp_path / "out", "auto")
    assert ran.engine == "host"
    assert ran.said == [
        "Docker is installed but its daemon does not answer; Podman is not installed; "
        "running as a host process"
    ]
    verify(model / "Format-Serving", ran.out / MANIFEST_FILE)


@pytest.mark.usefixtures("busybox_image")
def test_docker_asked_for_by_name_with_its_daemon_stopped_says_what_to_do(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", NO_DAEMON)
    with pytest.raises(TaxiwayError, match=r"daemon does not answer: start it .*'auto' or 'host'"):
        run(model_manifest("any"), model, tmp_path / "out", "docker")


def test_an_engine_that_is_not_installed_is_said_to_be_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_commands(monkeypatch, tmp_path)
    with pytest.raises(TaxiwayError, match="Podman is not installed: install Podman"):
        choose_engine("podman")


def test_an_engine_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_commands(monkeypatch, tmp_path, docker="exec sleep 60", podman="echo true")
    monkeypatch.setattr(engines, "_ANSWER_SECONDS", 0.2)
    chosen = choose_engine("auto")
    assert chosen == Engine(
        "podman",
        "Docker is installed but its daemon does not answer; Podman answers",
        rootless=True,
    )


def test_a_rootless_engine_runs_as_the_user_who_owns_the_outputs() -> None:
    def line(engine: Engine) -> str:
        return " ".join(run_command(engine, "n", "image", ["sh"], [], User(1000, 100)))

    assert "--user 0:0" in line(Engine("docker", rootless=True))
    assert "--userns keep-id" in line(Engine("podman", rootless=True))
    assert "--user 1000:100" in line(Engine("podman", rootless=True))
    assert "--user 1000:100" in line(Engine("docker"))


def test_a_path_with_a_comma_can_be_mounted() -> None:
    mounts = [Mount(Path("/a,b")), Mount(Path("/c"), writable=True)]
    line = run_command(Engine("docker"), "n", "image", ["sh"], mounts, User(1, 1))
    assert 'type=bind,"source=/a,b","target=/a,b",readonly' in line
    assert "type=bind,source=/c,target=/c" in line


def test_a_host_process_sees_no_secrets(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_SECRET", "hunter2")
    factory = script_component("any", 'env > "$2/environment"')
    ran = run(factory, model, tmp_path / "out", "host")
    assert "hunter2" not in (ran.out / "environment").read_text()


def test_a_remote_uri_names_the_key_to_edit(tmp_path: Path) -> None:
    with pytest.raises(TaxiwayError, match="gs://bucket/model") as caught:
        run(model_manifest("any"), "gs://bucket/model", tmp_path / "out", "host")
    assert caught.value.edit == "output.root"


def test_a_model_without_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty" / "Format-Serving").mkdir(parents=True)
    with pytest.raises(TaxiwayError, match="no files in Format-Serving"):
        run(model_manifest("any"), tmp_path / "empty", tmp_path / "out", "host")


def test_a_link_in_a_model_is_refused(model: Path, tmp_path: Path) -> None:
    (model / "Format-Serving" / "link").symlink_to("/etc/passwd")
    with pytest.raises(TaxiwayError, match=r"neither files nor folders.*\./link"):
        run(model_manifest("any"), model, tmp_path / "out", "host")
    assert not (tmp_path / "out" / MANIFEST_FILE).exists()


def with_commands(monkeypatch: pytest.MonkeyPatch, folder: Path, **scripts: str) -> None:
    """Puts these commands on PATH beside the shell's own, and no other container engine."""
    place = folder / "bin"
    place.mkdir()
    for name in ("env", "find", "mkdir", "mv", "rm", "sh", "sha256sum", "sleep", "sort"):
        found = next(p for p in map(Path, ("/bin", "/usr/bin")) if (p / name).exists())
        (place / name).symlink_to(found / name)
    for name, script in scripts.items():
        (place / name).write_text(f"#!/bin/sh\n{script}\n")
        (place / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(place))


def wait_until(happened: Any, seconds: float = 30.0) -> None:
    """Looks again and again, and gives up after a while."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
