"""Compiles a pipeline for Kubeflow Pipelines v2: one container task per node, and an exit task.

What is emitted is what the protos of the oldest back ends know, unless the config asks for more, so
that it is accepted from there to the newest; it works from 2.4.1 on. TFX's own compiler is not
used: its output is for Vertex AI.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from google.protobuf import json_format
from kfp import dsl
from tfx.proto.orchestration import executable_spec_pb2

from taxiway.config.clusters import Resources
from taxiway.config.loader import portable, project_digest
from taxiway.config.schema import Config
from taxiway.errors import ConfigError, did_you_mean
from taxiway.metadata.connection import SqliteMetadata
from taxiway.process.provenance import commit_of_code
from taxiway.registry.section import SqliteRegistry
from taxiway.runners.catalog import load_pipeline
from taxiway.runners.kubeflow.kubernetes import (
    PLATFORM,
    attempts_of,
    platform_config,
    resource_spec,
    resources_of,
    retry_policy,
)
from taxiway.runners.kubeflow.parameters import parameter_defaults
from taxiway.runners.kubeflow.task.job import EXIT_NODE, NodeJob
from taxiway.runners.kubeflow.task.outputs import METRICS_OUTPUT, RECORD_OUTPUT, REPORT_OUTPUT
from taxiway.runners.nodes.container_command import (
    RUN_COMMAND,
    RUN_PARAMETER,
    argument_name,
    command_template,
    dynamic_parts,
)
from taxiway.runners.nodes.ir import CompiledNode, compile_pipeline, nodes_of
from taxiway.runners.nodes.store_limits import check_storable
from taxiway.runners.preflight import check_addresses, check_paths_of_models

RUN_ID: Final = "run_id"
"""The parameter that back ends from 2.5 on fill in; see `run_id_of` for those before."""
EXECUTOR_INPUT: Final = "{{$}}"
NODE_COMMAND: Final = ("python3", "-m", "taxiway.runners.kubeflow.task.supervisor")


def to_kubeflow(config: Config) -> str:
    """The pipeline as YAML for Kubeflow: the pipeline, and its Kubernetes settings.

    Raises:
      ConfigError: something in the config cannot work on a cluster.
    """
    check(config)
    nodes = nodes_of(compile_pipeline(load_pipeline(config)(config)))
    check_storable(nodes, config.metadata)
    _check_names(config.kubeflow.resources, ["default", EXIT_NODE, *(node.id for node in nodes)])
    return _Compilation(config, nodes).yaml()


def _check_names(named: Iterable[str], known: Sequence[str]) -> None:
    """Refuses misspelt nodes; another name may be of a node of another pipeline."""
    for name in sorted(set(named) - set(known)):
        hint = did_you_mean(name, known)
        if hint:
            raise ConfigError(
                f"no node is named {name}{hint} (known: {', '.join(known)})",
                edit="kubeflow.resources",
            )


def check(config: Config) -> None:
    """Refuses what would fail only on the cluster.

    Raises:
      ConfigError: names the key.
    """
    root, mount = config.output.root, config.kubeflow.volume.mount_path.rstrip("/")
    if isinstance(config.metadata, SqliteMetadata):
        raise ConfigError(
            "metadata.kind sqlite is one file for one process, and on Kubeflow nodes run in many",
            edit="metadata.kind: mysql, as configs/kubeflow.yaml has it, or grpc",
        )
    if isinstance(config.registry, SqliteRegistry):
        raise ConfigError(
            "registry.kind sqlite is a file that the pods of all hosts would write to, over a "
            "shared volume, whose locks SQLite cannot rely on",
            edit="registry.kind: mysql, as configs/kubeflow.yaml has it, or postgresql; "
            "registry.host and registry.password_env with it",
        )
    if not f"{root}/".startswith(f"{mount}/"):
        raise ConfigError(
            f"output.root {root} is on no volume that all nodes see; DataGate, Registrar and the "
            "run's report work on files",
            edit="output.root: below kubeflow.volume.mount_path",
        )
    check_addresses(config)
    check_paths_of_models(config)


@dataclass(frozen=True)
class _Task:
    """One task as Kubeflow will see it; every task takes the run's parameters."""

    name: str
    """Letters, digits and hyphens, for Argo."""
    image: str
    command: Sequence[str]
    waits_for: Sequence[str] = ()
    """Names of tasks."""
    resources: Resources = field(default_factory=Resources)
    receives: Mapping[str, str] = field(default_factory=dict)
    """Parameter to the name of the task that gives it."""
    gives: Mapping[str, Any] = field(default_factory=dict)
    """Output to its type, as kfp annotates it."""
    configured: bool = True
    """Whether the run's parameters go into its command."""


class _Compilation:
    """One pipeline on its way to YAML."""

    def __init__(self, config: Config, nodes: Sequence[CompiledNode]) -> None:
        self._config = config
        self._kubeflow = config.kubeflow
        self._raw = portable(config)
        self._digest = project_digest(config)
        self._commit = commit_of_code()
        self._defaults = parameter_defaults(config)
        self._exit = self._exit_task()
        self._last = {node.id: task_name(node.id, _publishes(node)) for node in nodes}
        if len(set(self._last.values())) < len(nodes):
            raise ConfigError("two nodes have the same name on Kubeflow", edit="with_id(...)")
        self._tasks = [task for node in nodes for task in self._tasks_of(node)]
        self._resources = {task.name: task.resources for task in (*self._tasks, self._exit)}

    def yaml(self) -> str:
        """Both documents; the same config, code and commit always give the same bytes."""

        def pipeline(*channels: Any) -> None:
            values = dict(zip(self._defaults, channels, strict=True))
            made: dict[str, Any] = {}
            with dsl.ExitHandler(self._make(self._exit, values, made), name="run"):
                for task in self._tasks:
                    made[task.name] = self._make(task, values, made)

        parameters = [_parameter(name, value) for name, value in self._defaults.items()]
        pipeline.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # Python allows it, typeshed does not
        description = f"Compiled by Taxiway from {self._config.pipeline.module}."
        graph = dsl.pipeline(pipeline, name=self._config.pipeline.name, description=description)
        spec = json_format.MessageToDict(graph.pipeline_spec)
        platform = json_format.MessageToDict(graph.platform_spec)
        executors = spec["deploymentSpec"]["executors"]
        for task in (*self._tasks, self._exit):
            resources = resource_spec(task.resources)
            if resources:
                executors[f"exec-{task.name}"]["container"]["resources"] = resources
        for name, task_spec in _container_tasks(spec):
            retries = retry_policy(self._resources[name], self._kubeflow.backoff)
            if retries:
                task_spec["retryPolicy"] = retries
        documents = [one for one in (spec, platform) if one]
        return str(yaml.safe_dump_all(documents, sort_keys=True, width=100))

    def _make(self, task: _Task, values: Mapping[str, Any], made: Mapping[str, Any]) -> Any:
        """The task within the pipeline that kfp is tracing."""
        received = {name: made[source].outputs[name] for name, source in task.receives.items()}
        ours = {**values, RUN_ID: dsl.PIPELINE_JOB_ID_PLACEHOLDER}
        taken: Mapping[str, Any] = ours if task.configured else {}
        one = _component(task, self._defaults, self._config)(**taken, **received)
        one.set_caching_options(False)  # TFX's own cache knows more: code, spans, metadata
        for variable, value in self._kubeflow.env.items():
            one.set_env_variable(variable, value)
        # A container component's image is someone else's: it gets the files and no secret.
        secrets = self._kubeflow.secrets if task.configured else ()
        one.platform_config[PLATFORM] = platform_config(self._kubeflow, secrets, task.resources)
        return one.after(*(made[name] for name in task.waits_for if name in made))

    def _tasks_of(self, node: CompiledNode) -> list[_Task]:
        waits_for = [self._last[one] for one in node.upstream]
        if not _publishes(node):
            gives = {METRICS_OUTPUT: dsl.Output[dsl.Metrics]} if node.metrics_output else {}
            return [self._node_task(node.id, "whole", waits_for, gives)]
        given = [RUN_PARAMETER, *map(argument_name, dynamic_parts(node.executor_spec))]
        prepare = self._node_task(
            node.id, "prepare", waits_for, {name: dsl.OutputPath(str) for name in given}
        )
        work = _Task(
            name=task_name(node.id),
            image=str(node.executor_spec.image),
            command=_container_command(node),
            waits_for=[prepare.name],
            resources=resources_of(self._kubeflow, node.id),
            receives=dict.fromkeys(given, prepare.name),
            configured=False,
        )
        publish = self._node_task(node.id, "publish", [work.name], {})
        return [prepare, work, publish]

    def _node_task(
        self, node_id: str, phase: str, waits_for: Sequence[str], gives: Mapping[str, Any]
    ) -> _Task:
        resources = resources_of(self._kubeflow, node_id)
        job = NodeJob(node_id, self._raw, self._digest, self._commit).pack()
        command = [*NODE_COMMAND, "--job", job, "--run-id", _input(RUN_ID)]
        if phase != "whole":
            command += ["--phase", phase]
        if resources.timeout_seconds:
            command += ["--timeout-seconds", str(resources.timeout_seconds)]
        if resources.retries:
            backoff = self._kubeflow.backoff
            command += ["--attempts", str(attempts_of(resources))]
            command += ["--backoff", str(backoff.seconds), str(backoff.factor)]
        command += ["--executor-input", EXECUTOR_INPUT]
        whole = phase == "whole"
        return _Task(
            name=task_name(node_id, "" if whole else phase),
            image=self._kubeflow.image,
            command=command,
            waits_for=waits_for,
            resources=resources,
            gives={RECORD_OUTPUT: dsl.Output[dsl.Artifact], **gives},
        )

    def _exit_task(self) -> _Task:
        return self._node_task(EXIT_NODE, "whole", (), {REPORT_OUTPUT: dsl.Output[dsl.HTML]})


def _container_tasks(spec: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every task that is no DAG, with its name."""
    components = spec["components"]
    dags = [spec["root"]["dag"], *(one["dag"] for one in components.values() if "dag" in one)]
    for dag in dags:
        for name, task in dag["tasks"].items():
            if "dag" not in components[task["componentRef"]["name"]]:
                yield name, task


def task_name(node_id: str, suffix: str = "") -> str:
    """`ArrowExampleGen` as Argo may name it: `arrow-example-gen`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", f"{node_id}-{suffix}" if suffix else node_id)
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def _publishes(node: CompiledNode) -> str:
    """The phase that ends a container component, and so its last task's suffix; else empty."""
    is_container = isinstance(node.executor_spec, executable_spec_pb2.ContainerExecutableSpec)
    return "publish" if is_container else ""


def _container_command(node: CompiledNode) -> list[str]:
    """`env env` or `env true` before the command, as its preparation decides.

    KFP fills in no placeholder in the first word. Both programs are in any POSIX image.
    """
    parts = enumerate(command_template(node.executor_spec))
    return [
        RUN_COMMAND,
        _input(RUN_PARAMETER),
        *(_input(argument_name(index)) if part is None else part for index, part in parts),
    ]


def _input(name: str) -> str:
    return f"{{{{$.inputs.parameters['{name}']}}}}"


def _component(task: _Task, defaults: Mapping[str, Any], config: Config) -> Any:
    """The kfp component of a task."""
    taken = defaults if task.configured else {}
    given = {**taken, RUN_ID: ""} if task.configured else {}
    keys = config.kubeflow.parameters
    parameters = [part for name in taken for part in ("--parameter", keys[name], _input(name))]

    def component(*_: Any) -> Any:
        return dsl.ContainerSpec(image=task.image, command=[*task.command, *parameters])

    annotations = {name: type(value) for name, value in given.items()}
    annotations |= dict.fromkeys(task.receives, str) | dict(task.gives)
    component.__name__ = task.name.replace("-", "_")
    component.__annotations__ = annotations
    component.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # Python allows it, typeshed does not
        [
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=annotation)
            for name, annotation in annotations.items()
        ]
    )
    return dsl.container_component(component)


def _parameter(name: str, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=type(default)
    )
