"""Starts the attempts of an interpreted Kubeflow run in Docker, as a pod would run them.

That is, from KFP 2.16 on: without any capability, without a way to new privileges, and with the
umask 0 that Argo's emissary sets. Who the user is, the image says, or the cluster (OpenShift).
"""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

from tests.conftest import TINY
from tests.taxiway.runners.kubeflow.interpreter import TaskRun

UNPRIVILEGED = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges")
WITH_UMASK_0 = 'umask 0; exec "$0" "$@"'


class DockerTasks:
    """Runs each attempt in a container of its own, on the host's network.

    Args:
      logs: a folder; each attempt leaves `<task>-<attempt>.log` there.
      on_start: told of each attempt and the name of its container, just before it starts.
      user: in the place of the image's own, as `uid:gid`.
    """

    def __init__(
        self,
        logs: Path,
        on_start: Callable[[TaskRun, str], None] = lambda task, container: None,
        user: str = "",
    ) -> None:
        self._logs = logs
        self._on_start = on_start
        self._user = user

    def __call__(self, task: TaskRun) -> int:
        """Runs an attempt to its end and gives its exit code."""
        container = f"taxiway-test-{task.name}-{uuid.uuid4().hex[:8]}"
        self._on_start(task, container)
        line = ["docker", "run", "--rm", "--name", container, "--network", "host", *UNPRIVILEGED]
        if self._user:
            line += ["--user", self._user]
        if task.memory_bytes:
            line += ["--memory", str(task.memory_bytes), "--memory-swap", str(task.memory_bytes)]
        for here, there in task.mounts.items():
            line += ["--volume", f"{here}:{there}"]
        line += [
            "--volume",
            f"{Path(TINY).parent}:/app/tests/tiny:ro",
        ]  # no image has a test's model
        for key in task.env:
            line += ["--env", key]  # the value comes from the environment, not the command line
        line += ["--entrypoint", "sh", task.image, "-c", WITH_UMASK_0, *task.command]
        with self.log(task).open("wb") as log:
            done = subprocess.run(
                line, env=_environment() | task.env, stdout=log, stderr=subprocess.STDOUT
            )
        return done.returncode

    def log(self, task: TaskRun) -> Path:
        """Where an attempt's output goes."""
        return self._logs / f"{task.name}-{task.attempt}.log"


def _environment() -> dict[str, str]:
    import os

    return {key: os.environ[key] for key in ("PATH", "HOME", "DOCKER_HOST") if key in os.environ}
