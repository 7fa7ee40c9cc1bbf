"""TFX's intermediate representation: a pipeline compiled, and what the launcher needs of a node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tfx.dsl.compiler import compiler, constants
from tfx.orchestration.local import runner_utils
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import runtime_parameter_utils
from tfx.utils import import_utils

from taxiway.process.code_digest import Modules
from taxiway.runners.nodes import code_stamp
from taxiway.runners.nodes.declarations import Declaration, declaration_of

IMPORTER = "tfx.dsl.components.common.importer.Importer"
RESOLVER = "tfx.dsl.components.common.resolver.Resolver"
METRICS_TYPE = "ModelEvaluation"


@dataclass(frozen=True)
class CompiledNode:
    """One node of a compiled pipeline; all fields are TFX's protos."""

    pipeline_node: Any
    pipeline_info: Any
    runtime_spec: Any
    executor_spec: Any = None
    """None for an importer or a resolver."""
    driver_spec: Any = None
    platform_config: Any = None

    @property
    def id(self) -> str:
        """The component's id, such as `Trainer`."""
        return str(self.pipeline_node.node_info.id)

    @property
    def type(self) -> str:
        """The name of the component's class."""
        return str(self.pipeline_node.node_info.type.name)

    @property
    def declared(self) -> Declaration:
        """What its component has declared; a container component declares nothing."""
        return declaration_of(executor_class(self.executor_spec))

    @property
    def metrics_output(self) -> str | None:
        """The key of the output that holds metrics, if the node gives any."""
        outputs = self.pipeline_node.outputs.outputs
        return next(
            (
                key
                for key in sorted(outputs)
                if outputs[key].artifact_spec.type.name == METRICS_TYPE
            ),
            None,
        )

    @property
    def upstream(self) -> Sequence[str]:
        """Ids of the nodes that must have ended before."""
        return [str(one) for one in self.pipeline_node.upstream_nodes]

    @property
    def protos(self) -> Sequence[Any]:
        """All that a launcher is given of this node, apart from the run."""
        specs = (self.executor_spec, self.driver_spec, self.platform_config)
        given = (self.pipeline_node, self.pipeline_info, *specs)
        return [one for one in given if one is not None]

    @property
    def run_id(self) -> str:
        """The run that the pipeline was compiled for."""
        return str(self.runtime_spec.pipeline_run_id.field_value.string_value)


def executor_class(executor_spec: Any) -> Any:
    """The class behind an executable spec; None for a container, an importer or a resolver."""
    executor = getattr(executor_spec, "python_executor_spec", executor_spec)  # of one on Beam
    path = getattr(executor, "class_path", "")
    return import_utils.import_class_by_path(path) if path else None


def compile_pipeline(pipeline: Pipeline, run_id: str | None = None) -> Any:
    """TFX's IR of a pipeline; with a run id, that of one run of it."""
    ir = compiler.Compiler().compile(pipeline)
    modules = Modules()
    for node in nodes_of(ir):  # its protos are those of the IR
        code_stamp.stamp(node.pipeline_node, node.executor_spec, modules)
        if node.declared.never_cached:
            node.pipeline_node.execution_options.caching_options.enable_cache = False
    return ir if run_id is None else of_run(ir, run_id)


def of_run(ir: Any, run_id: str) -> Any:
    """A copy of a pipeline's IR for one run of it."""
    bound = type(ir)()
    bound.CopyFrom(ir)
    runtime_parameter_utils.substitute_runtime_parameter(
        bound, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
    )
    return bound


def nodes_of(ir: Any) -> list[CompiledNode]:
    """The nodes of a compiled pipeline, each after those it waits for."""
    deployment = runner_utils.extract_local_deployment_config(ir)
    return [
        CompiledNode(
            pipeline_node=node.pipeline_node,
            pipeline_info=ir.pipeline_info,
            runtime_spec=ir.runtime_spec,
            executor_spec=runner_utils.extract_executor_spec(
                deployment, node.pipeline_node.node_info.id
            ),
            driver_spec=runner_utils.extract_custom_driver_spec(
                deployment, node.pipeline_node.node_info.id
            ),
        )
        for node in ir.nodes
    ]
