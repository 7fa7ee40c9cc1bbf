"""How a container component runs on this machine: in Docker or Podman, else as a host process."""

from __future__ import annotations

import contextlib
import copy
import os
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from tfx.orchestration.portable.base_executor_operator import BaseExecutorOperator
from tfx.proto.orchestration import executable_spec_pb2, execution_result_pb2, platform_config_pb2

from taxiway.errors import TaxiwayError
from taxiway.runners.local.container_engines import (
    Engine,
    Mount,
    User,
    choose_engine,
    image_digest,
    remove,
    run_command,
)
from taxiway.runners.nodes.container_command import resolve_command

_NOBODY = User(65534, 65534)
_TAIL_LINES = 15
_TAIL_BYTES = 4000
_ENGINE_FAILED = 125  # the exit code by which Docker and Podman say that they did not start it
_DID_NOT_START = (126, 127)


class _NotStartedError(TaxiwayError):
    """The engine answers but could not start a container, mostly for want of the image."""


class ContainerOperator(BaseExecutorOperator):  # type: ignore[misc]  # TFX ships no types
    """Runs a container component's command with its inputs read-only and its outputs writable.

    TFX's stock operator mounts nothing, so that outputs are lost with the container. The engine
    used and why are passed to `log` and written on the execution, as `container_engine`.

    Made by `make_container_operator`; the Launcher leaves no other way to pass it anything.
    """

    SUPPORTED_EXECUTOR_SPEC_TYPE = [executable_spec_pb2.ContainerExecutableSpec]  # noqa: RUF012  # TFX reads it
    SUPPORTED_PLATFORM_CONFIG_TYPE = [platform_config_pb2.DockerPlatformConfig]  # noqa: RUF012  # as above

    engine = "auto"
    log: Callable[[str], None] = staticmethod(lambda _: None)

    def run_executor(self, execution_info: Any) -> Any:
        """Runs the command to its end.

        Raises:
          TaxiwayError: no engine answers, the image cannot be had, or the command fails.
        """
        local = _with_absolute_uris(execution_info)
        command = resolve_command(
            self._executor_spec, local, self._platform_config, self._pipeline_platform_config
        )
        inputs, outputs = _paths(local.input_dict), _paths(local.output_dict)
        engine = choose_engine(self.engine)
        if engine.name != "host":
            self.log(f"running in {engine.name} ({engine.why})")
            try:
                _run_in_container(engine, self._executor_spec.image, command, inputs, outputs)
            except _NotStartedError as error:
                if self.engine != "auto":
                    raise
                # Offline, or behind a registry that wants a login: the command is the same here.
                engine = Engine("host", error.message.splitlines()[0].rstrip(":"))
        if engine.name == "host":
            self.log(f"{engine.why}; running as a host process")
            _run_on_host(command)
        result = execution_result_pb2.ExecutorOutput()
        result.execution_properties["container_engine"].string_value = engine.name
        if engine.name != "host":
            image = image_digest(engine, self._executor_spec.image) or self._executor_spec.image
            result.execution_properties["container_image"].string_value = image
        return result


def make_container_operator(engine: str, log: Callable[[str], None]) -> type[ContainerOperator]:
    """An operator class for the Launcher's `custom_executor_operators`.

    Args:
      engine: `container.engine`, one of auto, docker, podman and host.
      log: receives one line: which engine is used, and why.
    """
    attributes = {"engine": engine, "log": staticmethod(log)}
    return type("ContainerOperator", (ContainerOperator,), attributes)


def _run_in_container(
    engine: Engine,
    image: str,
    command: Sequence[str],
    inputs: Sequence[Path],
    outputs: Sequence[Path],
) -> None:
    name = f"taxiway-{uuid.uuid4().hex}"
    user = User(os.getuid(), os.getgid())
    as_nobody = user.uid == 0
    mounts = [*map(Mount, inputs), *(Mount(path, writable=True) for path in outputs)]
    line = run_command(engine, name, image, command, mounts, _NOBODY if as_nobody else user)
    with _lent(outputs, _NOBODY) if as_nobody else contextlib.nullcontext():
        # The engine's client needs this process's environment: where its daemon listens is in it.
        code, tail = _run(line, dict(os.environ), lambda: remove(engine, name))
    if code == _ENGINE_FAILED:
        raise _NotStartedError(
            f"{engine.name} could not start a container of the image '{image}':\n{tail}",
            edit="container.image, or container.engine",
        )
    _check(code, tail, f"in a container of the image '{image}'")


def _run_on_host(command: Sequence[str]) -> None:
    try:
        code, tail = _run(command, {"PATH": os.environ.get("PATH", os.defpath)}, lambda: None)
    except OSError as error:
        raise TaxiwayError(f"the command '{command[0]}' does not start here: {error}") from error
    _check(code, tail, "as a host process")


def _check(code: int, tail: str, where: str) -> None:
    if code == 0:
        return
    hint = "container.image" if code in _DID_NOT_START else ""
    output_tail = f":\n{tail}" if tail else " and wrote nothing"
    raise TaxiwayError(f"the command {where} ended with exit code {code}{output_tail}", edit=hint)


def _run(
    line: Sequence[str], environment: Mapping[str, str], clean_up: Callable[[], None]
) -> tuple[int, str]:
    """Runs a command in a process group of its own; gives its exit code and its last lines."""
    with tempfile.TemporaryFile() as written:
        process = subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        try:
            code = process.wait()
        except BaseException:  # Ctrl-C above all
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            clean_up()  # after the client, which could start a container still
            raise
        return code, _tail(written)


def _tail(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    lines = file.read().decode(errors="replace").strip().splitlines()
    return "\n".join(lines[-_TAIL_LINES:])


@contextlib.contextmanager
def _lent(paths: Sequence[Path], user: User) -> Iterator[None]:
    """Gives paths to another user, and takes them back with all that was written in them."""
    before = {path: path.stat() for path in paths}
    for path in paths:
        os.chown(path, user.uid, user.gid)
    try:
        yield
    finally:
        for path, owner in before.items():
            for folder, folders, files in os.walk(path):
                for name in (*folders, *files):
                    # a link is taken back itself, never what it points to
                    os.lchown(Path(folder, name), owner.st_uid, owner.st_gid)
            os.lchown(path, owner.st_uid, owner.st_gid)


def _with_absolute_uris(execution_info: Any) -> Any:
    """A copy whose artifacts have absolute paths, since a container has no working folder here."""

    def absolute(artifacts: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        return {key: [_absolute(one) for one in each] for key, each in artifacts.items()}

    local = copy.copy(execution_info)
    local.input_dict = absolute(execution_info.input_dict)
    local.output_dict = absolute(execution_info.output_dict)
    return local


def _absolute(artifact: Any) -> Any:
    uri = artifact.uri.removeprefix("file://")
    if "://" in uri:
        raise TaxiwayError(
            f"container components on this machine take local paths; received {artifact.uri}",
            edit="output.root",
        )
    here = copy.deepcopy(artifact)
    here.uri = str(Path(uri).absolute())
    return here


def _paths(artifacts: Mapping[str, Sequence[Any]]) -> list[Path]:
    return [Path(one.uri) for each in artifacts.values() for one in each]
