"""Compiles to a Vertex AI pipeline job, and refuses what would only fail, or lie, at run time."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from tfx.dsl.compiler.constants import PIPELINE_RUN_ID_PARAMETER_NAME
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_driver import BaseDriver
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
    KubeflowV2DagRunner,
    KubeflowV2DagRunnerConfig,
)
from tfx.orchestration.pipeline import Pipeline

from taxiway.config.clusters import Vertex, VertexResources
from taxiway.config.schema import Config
from taxiway.errors import ConfigError, did_you_mean
from taxiway.metadata.connection import SqliteMetadata
from taxiway.notify import NotifyNone
from taxiway.runners.catalog import load_pipeline
from taxiway.runners.kubeflow.kubernetes import accelerator_spec, gigabytes
from taxiway.runners.nodes.declarations import declaration_of

JOB_NAME: Final = "{{$.pipeline_job_name}}"
"""What Vertex puts in for the name of the job, unique among all jobs of a project."""

# What of a config cannot be had on Vertex: the key, whether it is asked for, and why not.
REFUSED_KEYS: Final[tuple[tuple[str, Callable[[Config], bool], str], ...]] = (
    (
        "output.root",
        lambda config: not config.output.root.startswith("gs://"),
        "nodes run on machines of Google's and share nothing but buckets: expected gs://...",
    ),
    (
        "data.root",
        lambda config: not config.data.root.startswith("gs://"),
        "no node could read it: expected gs://...",
    ),
    (
        "data.schema_file",
        lambda config: not config.data.schema_file.startswith("gs://"),
        "no node could read this machine's file: expected a copy, gs://.../schema.pbtxt",
    ),
    (
        "push.destination",
        lambda config: not config.push.destination.startswith("gs://"),
        "a pushed model would be lost with its machine: expected gs://...",
    ),
    (
        "metadata",
        lambda config: (
            not (
                isinstance(config.metadata, SqliteMetadata)
                and config.metadata.path == f"{config.output.root}/metadata.sqlite"
            )
        ),
        "Vertex keeps metadata itself, and takes no other store: expected the key to be left out",
    ),
    (
        "registry.approval",
        lambda config: config.registry.approval.holds_back,
        "Vertex lets in no registry, so no one could approve what waits in the model store: "
        "expected kind: none",
    ),
    (
        "notify.kind",
        lambda config: not isinstance(config.notify, NotifyNone),
        "RunReport and Notify read a metadata store that Vertex does not let in, so there is no "
        "exit handler: expected none",
    ),
    (
        "kubeflow.image",
        lambda config: "/" not in config.kubeflow.image,
        "Vertex pulls from a registry: expected <region>-docker.pkg.dev/<project>/...",
    ),
    *(
        (
            f"kubeflow.{key}",
            lambda config, key=key: bool(getattr(config.kubeflow, key)),
            f"this is Kubernetes' own, and would be ignored: expected {instead}",
        )
        for key, instead in {
            "secrets": "it to be left out",
            "env": "it to be left out",
            "resources": "vertex.resources in its place",
            "parameters": "it to be left out",
            "executor_config": "it to be left out",
        }.items()
    ),
)


def to_vertex(config: Config) -> str:
    """The pipeline as a PipelineJob in JSON, with stable order of keys.

    Raises:
      ConfigError: all that Vertex cannot do, each with its reason and the key to edit.
    """
    problems = [
        (key, f"{key}: {reason}") for key, asked_for, reason in REFUSED_KEYS if asked_for(config)
    ]
    pipeline = load_pipeline(config)(config)
    problems += _node_problems(pipeline.components, config.vertex)
    if problems:
        raise ConfigError(
            "Vertex AI cannot run this config:\n"
            + "\n".join(f"  {problem}" for _, problem in problems),
            edit=", ".join(dict.fromkeys(key for key, _ in problems)) + "; see configs/vertex.yaml",
        )
    drivers = [node.id for node in pipeline.components if _has_driver(node)]
    job = _compile(pipeline, config.kubeflow.image)
    spec = job["pipelineSpec"]
    _leave_out(spec, config.vertex.leave_out)
    _give_resources(spec, config.vertex.resources)
    _use_job_name(spec)
    for name in drivers:
        # Vertex runs no driver of ours, so its cache would not see that the files have changed.
        spec["root"]["dag"]["tasks"].get(name, {}).pop("cachingOptions", None)
    return json.dumps(job, indent=2, sort_keys=True) + "\n"


def _node_problems(nodes: Iterable[Any], vertex: Vertex) -> list[tuple[str, str]]:
    """What keeps each node from running there, apart from those the config does without."""
    known = {node.id: node for node in nodes}
    named = {"vertex.leave_out": vertex.leave_out, "vertex.resources": vertex.resources}
    problems = [
        (key, f"{key}: no node is named '{name}'{did_you_mean(name, known)}")
        for key, names in named.items()
        for name in names
        if name not in known
    ]
    problems += [
        ("vertex.resources", f"vertex.resources: {name} runs on no machine there")
        for name, node in known.items()
        if name in vertex.resources
        and (name in vertex.leave_out or not isinstance(node, BaseComponent))
    ]
    for name, node in known.items():
        reason = "" if name in vertex.leave_out else _why_not(node)
        if reason:
            problems.append(("vertex.leave_out", f"{name}: {reason}"))
    return problems


def _why_not(node: Any) -> str:
    executor = getattr(node, "executor_spec", None)
    if not isinstance(node, BaseComponent) or not isinstance(executor, ExecutorClassSpec):
        return ""
    reason = declaration_of(executor.executor_class).needs_files
    if reason:
        return reason
    own = sorted(
        {kind.TYPE_NAME for kind in _types(node) if kind not in _standard_types()},
    )
    if own:
        return f"TFX cannot load artifact types of our own on Vertex, here {', '.join(own)}"
    return ""


def _compile(pipeline: Pipeline, image: str) -> dict[str, Any]:
    runner_config = KubeflowV2DagRunnerConfig(default_image=image, use_pipeline_spec_2_1=True)
    with _accepted_types(pipeline.components):
        job = KubeflowV2DagRunner(runner_config).run(pipeline, write_out=False)
    return dict(job)


@contextlib.contextmanager
def _accepted_types(nodes: Iterable[Any]) -> Iterator[None]:
    """Gives our artifact types, while the block runs, names and properties that TFX compiles.

    It wants `<namespace>.<Name>` and no properties but those of its own types.
    """
    own = {kind for node in nodes for kind in _types(node)} - _standard_types()
    before = {kind: (kind.TYPE_NAME, kind.PROPERTIES) for kind in own}
    try:
        for kind, (name, _) in before.items():
            kind.TYPE_NAME, kind.PROPERTIES = f"taxiway.{name}", None
        yield
    finally:
        for kind, (name, properties) in before.items():
            kind.TYPE_NAME, kind.PROPERTIES = name, properties


def _leave_out(spec: dict[str, Any], names: Iterable[str]) -> None:
    """Removes tasks, and whatever waited for them without taking anything from them."""
    tasks, gone = spec["root"]["dag"]["tasks"], set(names)
    for name in gone:
        del tasks[name]
        del spec["deploymentSpec"]["executors"][spec["components"].pop(name)["executorLabel"]]
    for name, task in tasks.items():
        for key, source in task.get("inputs", {}).get("artifacts", {}).items():
            producer = source["taskOutputArtifact"]["producerTask"]
            if producer in gone:
                raise ConfigError(
                    f"vertex.leave_out names {producer}, but {name} takes its {key} from it: "
                    f"expected both, or neither",
                    edit="vertex.leave_out",
                )
        left = [one for one in task.pop("dependentTasks", ()) if one not in gone]
        if left:
            task["dependentTasks"] = left


def _give_resources(spec: dict[str, Any], resources: Mapping[str, VertexResources]) -> None:
    """The machines of nodes; TFX has a word for them, but it breaks the pipeline elsewhere."""
    for name, asked in resources.items():
        executor = spec["deploymentSpec"]["executors"][spec["components"][name]["executorLabel"]]
        given: dict[str, Any] = accelerator_spec(asked.accelerator)
        if asked.cpu:
            given["cpuLimit"] = asked.cpu
        if asked.memory:
            given["memoryLimit"] = gigabytes(asked.memory)
        executor["container"]["resources"] = given


def _use_job_name(spec: dict[str, Any]) -> None:
    """TFX compiles the run's id to a parameter that someone would have to fill in for each run."""
    for task in spec["root"]["dag"]["tasks"].values():
        parameters = task.get("inputs", {}).get("parameters", {})
        for key, value in parameters.items():
            if value.get("componentInputParameter") == PIPELINE_RUN_ID_PARAMETER_NAME:
                parameters[key] = {"runtimeValue": {"constant": JOB_NAME}}
    root = spec["root"]
    inputs = root.get("inputDefinitions", {}).get("parameters", {})
    inputs.pop(PIPELINE_RUN_ID_PARAMETER_NAME, None)
    if not inputs:
        root.pop("inputDefinitions", None)


def _has_driver(node: Any) -> bool:
    return isinstance(node, BaseComponent) and node.driver_class is not BaseDriver


def _types(node: Any) -> set[Any]:
    return {channel.type for channel in (*node.inputs.values(), *node.outputs.values())}


def _standard_types() -> frozenset[Any]:
    return frozenset(compiler_utils._SUPPORTED_STANDARD_ARTIFACT_TYPES)
