"""Docker, Podman or neither: which of them answers here, and the command line each one takes."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from taxiway.errors import TaxiwayError

ContainerEngine = Literal["docker", "podman"]
EngineName = Literal["docker", "podman", "host"]

_CONTAINER_ENGINES: tuple[ContainerEngine, ...] = ("docker", "podman")

_ANSWER_SECONDS = 5.0
_REMOVE_SECONDS = 30.0
_LABEL = {"docker": "Docker", "podman": "Podman"}
_SILENT = {
    "docker": "is installed but its daemon does not answer",
    "podman": "is installed but does not answer",
}
_START = {
    "docker": "start it (`sudo systemctl start docker`)",
    "podman": "see what `podman info` says",
}
_PIDS = 256


@dataclass(frozen=True)
class Engine:
    """What runs a container component, and why it is that one."""

    name: EngineName
    why: str = ""
    rootless: bool = False
    """The engine itself is no root: its container's root is this user."""


@dataclass(frozen=True)
class Mount:
    """A path of this machine, under the same path in the container."""

    path: Path
    writable: bool = False


@dataclass(frozen=True)
class User:
    """Who the command runs as."""

    uid: int
    gid: int


def choose_engine(engine: str) -> Engine:
    """The engine to use: the one named, or the first of Docker, Podman and the host that answers.

    Args:
      engine: `container.engine`, one of auto, docker, podman and host.

    Raises:
      TaxiwayError: the engine named does not answer.
    """
    if engine == "host":
        return Engine("host", "container.engine is 'host'")
    if engine != "auto":
        return _named("docker" if engine == "docker" else "podman")
    silent: list[str] = []
    for name in _CONTAINER_ENGINES:
        rootless, fault = _ask(name)
        if not fault:
            return Engine(name, "; ".join([*silent, f"{_LABEL[name]} answers"]), rootless)
        silent.append(f"{_LABEL[name]} {fault}")
    return Engine("host", "; ".join(silent))


def run_command(
    engine: Engine,
    name: str,
    image: str,
    command: Sequence[str],
    mounts: Sequence[Mount],
    user: User,
) -> list[str]:
    """The engine's command line for a container without privileges, network or a writable root.

    Args:
      engine: Docker or Podman.
      name: the container's, to end it by.
      image: pulled by the engine where it is missing.
      command: takes the place of the image's entrypoint, as it does on Kubernetes.
      mounts: all of this machine that the container sees.
      user: who it runs as.
    """
    # Where the engine is no root, its container's root is this user and no other can write.
    identity = ["--user", f"{user.uid}:{user.gid}"]
    if engine.rootless:
        keep = ["--userns", "keep-id", "--security-opt", "label=disable", *identity]
        identity = keep if engine.name == "podman" else ["--user", "0:0"]
    elif engine.name == "podman":
        identity += ["--security-opt", "label=disable"]
    return [
        *(engine.name, "run", "--rm", "--name", name),
        *("--network", "none", "--read-only", "--tmpfs", "/tmp:rw,size=64m,mode=1777"),  # noqa: S108  # in the container, of its own
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--pids-limit", str(_PIDS)),
        *identity,
        *(option for mount in mounts for option in ("--mount", _bind(mount))),
        *("--entrypoint", command[0], image, *command[1:]),
    ]


def remove(engine: Engine, name: str) -> None:
    """Ends and removes a container by its name; one that has gone already is no error."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            [engine.name, "rm", "--force", name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_REMOVE_SECONDS,
        )


def image_digest(engine: Engine, image: str) -> str:
    """What an image's name stands for here: by registry digest, else by its own id.

    Empty where the engine does not say.
    """
    field = "{{if .RepoDigests}}{{index .RepoDigests 0}}{{else}}{{.Id}}{{end}}"
    try:
        asked = subprocess.run(
            [engine.name, "image", "inspect", "--format", field, image],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_ANSWER_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""


def _named(name: ContainerEngine) -> Engine:
    rootless, fault = _ask(name)
    if not fault:
        return Engine(name, f"container.engine is '{name}'", rootless)
    installed = shutil.which(name) is not None
    remedy = _START[name] if installed else f"install {_LABEL[name]}"
    raise TaxiwayError(
        f"container.engine is '{name}', but {_LABEL[name]} {fault}: {remedy}, "
        "or set container.engine to 'auto' or 'host'",
        edit="container.engine",
    )


def _ask(name: ContainerEngine) -> tuple[bool, str]:
    """Whether the engine is rootless, and what is wrong with it; empty where it answers."""
    if shutil.which(name) is None:
        return False, "is not installed"
    field = {"docker": "{{json .SecurityOptions}}", "podman": "{{.Host.Security.Rootless}}"}[name]
    try:
        asked = subprocess.run(
            [name, "info", "--format", field],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_ANSWER_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False, _SILENT[name]
    if asked.returncode != 0:
        return False, _SILENT[name]
    return _is_rootless(name, asked.stdout.strip()), ""


def _is_rootless(name: str, answer: str) -> bool:
    if name == "podman":
        return answer == "true"
    options = json.loads(answer or "null") or []
    return any("rootless" in option for option in options)


def _bind(mount: Mount) -> str:
    """The value of `--mount`; CSV, since unlike `--volume` it can then carry any path."""
    fields = ["type=bind", f"source={mount.path}", f"target={mount.path}"]
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields + ([] if mount.writable else ["readonly"]))
    return line.getvalue()
