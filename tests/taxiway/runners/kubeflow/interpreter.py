"""Runs a compiled Kubeflow pipeline as its back end would, one container (or process) a task.

It knows what Taxiway emits and refuses the rest: DAGs in DAGs, order, parameters, placeholders,
retries, exit tasks, output parameters and artifacts, volumes, secrets and memory limits.
"""

from __future__ import annotations

import concurrent.futures
import json
import re
import tempfile
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_KNOWN_TASK_KEYS = {
    *("cachingOptions", "componentRef", "dependentTasks", "inputs", "retryPolicy"),
    *("taskInfo", "triggerPolicy"),
}
_KNOWN_CONTAINER_KEYS = {"image", "command", "args", "env", "resources"}
_KNOWN_PLATFORM_KEYS = {"pvcMount", "secretAsEnv"}

VANISHED = 137
"""The exit code that stands for a pod which is gone."""


@dataclass(frozen=True)
class TaskRun:
    """One attempt at one task, ready to start."""

    name: str
    attempt: int
    image: str
    command: list[str]
    env: dict[str, str]
    mounts: dict[str, str]
    """Folder of this machine to folder of the container."""
    memory_bytes: int | None


@dataclass
class Ended:
    """How a run ended."""

    states: dict[str, str] = field(default_factory=dict)
    """Task to Succeeded, Failed or Omitted."""
    codes: dict[str, list[int]] = field(default_factory=dict)
    """Task to the exit code of each attempt."""
    artifacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """`task/output` to its `path` on this machine and its `metadata`."""
    succeeded: bool = False


class Interpreter:
    """One run of a compiled pipeline.

    Args:
      spec: the first document of the YAML.
      platform: the second.
      start: runs an attempt to its end and gives its exit code.
      claims: volume claim to a folder of this machine.
      secrets: secret to its keys and values.
      scratch: a folder for outputs.
      in_container: whether paths in `{{$}}` are those within a container.
      fills_in_run_id: as back ends from 2.5 on do; those before pass the placeholder on.
      retries_failures: as stock back ends before 2.17 do; from then on (OnError) only a pod that
        vanished is replaced, for which a killed container stands here.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        platform: Mapping[str, Any],
        start: Callable[[TaskRun], int],
        claims: Mapping[str, Path],
        secrets: Mapping[str, Mapping[str, str]],
        scratch: Path,
        in_container: bool = True,
        fills_in_run_id: bool = True,
        retries_failures: bool = False,
    ) -> None:
        self._spec = spec
        self._retries_failures = retries_failures
        self._fills_in_run_id = fills_in_run_id
        self._platform = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        self._start = start
        self._claims = claims
        self._secrets = secrets
        self._scratch = scratch
        self._in_container = in_container
        self._outputs: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()
        self.run_id = str(uuid.uuid4())
        self.ended = Ended()

    def run(self, **parameters: Any) -> Ended:
        """Runs to the end; parameters are those a user would fill in."""
        definitions = self._spec["root"].get("inputDefinitions", {}).get("parameters", {})
        assert set(parameters) <= set(definitions), "the pipeline has no such parameter"
        values = {
            name: parameters.get(name, definition.get("defaultValue"))
            for name, definition in definitions.items()
        }
        self.ended.succeeded = self._dag(self._spec["root"]["dag"], values)
        return self.ended

    def _dag(self, dag: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        """Two tasks at a time; after a failure only an exit task still starts."""
        waiting = dict(dag["tasks"])
        states: dict[str, str] = {}
        running: dict[concurrent.futures.Future[bool], str] = {}
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            while waiting or running:
                for name in self._ready(waiting, states):
                    task = waiting.pop(name)
                    running[pool.submit(self._task, name, task, values)] = name
                if not running:
                    break
                done, _ = concurrent.futures.wait(
                    running, return_when=concurrent.futures.FIRST_COMPLETED
                )
                for future in done:
                    states[running.pop(future)] = "Succeeded" if future.result() else "Failed"
        states |= dict.fromkeys(waiting, "Omitted")
        with self._lock:
            self.ended.states |= states
        return all(state == "Succeeded" for state in states.values())

    def _ready(self, waiting: Mapping[str, Any], states: Mapping[str, str]) -> list[str]:
        failed = "Failed" in states.values()
        ready = []
        for name, task in waiting.items():
            assert set(task) <= _KNOWN_TASK_KEYS, task
            policy = task.get("triggerPolicy", {})
            assert set(policy) <= {"strategy"}, policy
            always = policy.get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED"
            before = {*task.get("dependentTasks", ()), *_producers(task)}
            passed = not failed and all(states.get(one) == "Succeeded" for one in before)
            if passed or (always and before <= set(states)):
                ready.append(name)
        return ready

    def _task(self, name: str, task: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        component = self._spec["components"][task["componentRef"]["name"]]
        given = {
            key: self._value(one, values)
            for key, one in task.get("inputs", {}).get("parameters", {}).items()
        }
        if "dag" in component:
            return self._dag(component["dag"], given)
        attempts = 1 + task.get("retryPolicy", {}).get("maxRetryCount", 0)
        for attempt in range(attempts):
            code = self._attempt(name, attempt, component, given)
            if code == 0 or (code != VANISHED and not self._retries_failures):
                break
        return code == 0

    def _value(self, source: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
        if "componentInputParameter" in source:
            return values[source["componentInputParameter"]]
        if "runtimeValue" in source:
            constant = source["runtimeValue"]["constant"]
            is_run_id = constant == "{{$.pipeline_job_uuid}}" and self._fills_in_run_id
            return self.run_id if is_run_id else constant
        output = source["taskOutputParameter"]
        return self._outputs[output["producerTask"]][output["outputParameterKey"]]

    def _attempt(
        self, name: str, attempt: int, component: Mapping[str, Any], given: Mapping[str, Any]
    ) -> int:
        executor = component["executorLabel"]
        container = self._spec["deploymentSpec"]["executors"][executor]["container"]
        assert set(container) <= _KNOWN_CONTAINER_KEYS, container
        platform = self._platform[executor]
        assert set(platform) <= _KNOWN_PLATFORM_KEYS, platform
        folder = Path(tempfile.mkdtemp(dir=self._scratch, prefix=f"{name}-{attempt}-"))
        place = f"{self._spec['pipelineInfo']['name']}/{self.run_id}/{name}"
        definitions = component.get("outputDefinitions", {})
        outputs = _Outputs(folder, definitions, place, self._in_container)
        program, *line = [*container["command"], *container.get("args", ())]
        assert "{{" not in program, "KFP fills in no placeholder in the first word"
        memory = container.get("resources", {}).get("memoryLimit")
        code = self._start(
            TaskRun(
                name=name,
                attempt=attempt,
                image=container["image"],
                command=[
                    program,
                    *(_filled(part, given, outputs.executor_input) for part in line),
                ],
                env=self._env(container, platform),
                mounts=outputs.mounts
                | {
                    str(self._claims[mount["constant"]]): mount["mountPath"]
                    for mount in platform.get("pvcMount", ())
                },
                memory_bytes=int(memory * 1e9) if memory else None,
            )
        )
        with self._lock:
            self.ended.codes.setdefault(name, []).append(code)
            if code == 0:
                missing = outputs.missing()
                assert not missing, f"{name} declares outputs that it did not write: {missing}"
                self._outputs[name] = outputs.parameters()
                self.ended.artifacts |= {
                    f"{name}/{key}": one for key, one in outputs.artifacts().items()
                }
        return code

    def _env(self, container: Mapping[str, Any], platform: Mapping[str, Any]) -> dict[str, str]:
        env = {one["name"]: one.get("value", "") for one in container.get("env", ())}
        for secret in platform.get("secretAsEnv", ()):
            for key in secret["keyToEnv"]:
                env[key["envVar"]] = self._secrets[secret["secretName"]][key["secretKey"]]
        return env


class _Outputs:
    """The places for the outputs of one attempt, here and as the container sees them."""

    def __init__(
        self, folder: Path, definitions: Mapping[str, Any], place: str, in_container: bool
    ) -> None:
        self._folder = folder
        self._place = f"mlpipeline/v2/artifacts/{place}"
        self._parameters = list(definitions.get("parameters", {}))
        self._artifacts = list(definitions.get("artifacts", {}))
        bucket, files = folder / "bucket", folder / "outputs"
        for one in (folder, bucket, files):
            one.mkdir(exist_ok=True)
            one.chmod(0o777)
        self.mounts = {str(bucket): "/minio", str(files): "/tmp/kfp"} if in_container else {}
        uri, local = ("minio://", "/tmp/kfp") if in_container else (f"{bucket}/", str(files))
        self.executor_input = json.dumps(
            {
                "outputs": {
                    "parameters": {
                        name: {"outputFile": f"{local}/{name}"} for name in self._parameters
                    },
                    "artifacts": {
                        name: {"artifacts": [{"name": name, "uri": f"{uri}{self._place}/{name}"}]}
                        for name in self._artifacts
                    },
                    "outputFile": f"{local}/executor_output.json",
                }
            }
        )

    def missing(self) -> list[str]:
        """What is declared and not there: an error from the release after 2.17 on."""
        places = {name: self._folder / "outputs" / name for name in self._parameters}
        places |= {name: self._folder / "bucket" / self._place / name for name in self._artifacts}
        return sorted(name for name, place in places.items() if not place.exists())

    def parameters(self) -> dict[str, str]:
        """What the task gives other tasks; a declared one that is missing fails the run."""
        return {name: (self._folder / "outputs" / name).read_text() for name in self._parameters}

    def artifacts(self) -> dict[str, dict[str, Any]]:
        """What the task gives the UI."""
        told = self._folder / "outputs/executor_output.json"
        metadata = json.loads(told.read_text())["artifacts"] if told.exists() else {}
        return {
            name: {
                "path": self._folder / "bucket" / self._place / name,
                "metadata": metadata.get(name, {}).get("artifacts", [{}])[0].get("metadata", {}),
            }
            for name in self._artifacts
        }


def _producers(task: Mapping[str, Any]) -> set[str]:
    inputs = task.get("inputs", {}).get("parameters", {}).values()
    return {
        one["taskOutputParameter"]["producerTask"] for one in inputs if "taskOutputParameter" in one
    }


def _filled(part: str, given: Mapping[str, Any], executor_input: str) -> str:
    """A part of a command line as KFP's launcher passes it on: it knows no other placeholders."""
    if part == "{{$}}":
        return executor_input
    pattern = r"\{\{\$\.inputs\.parameters\['(\w+)'\]\}\}"
    assert "{{$" not in re.sub(pattern, "", part), f"a placeholder that nobody fills in: {part}"
    return re.sub(pattern, lambda found: _text(given[found[1]]), part)


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value)
