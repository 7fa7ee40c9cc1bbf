"""A small pipeline whose runs leave every kind of record that a lineage has to read rightly."""
# No `from __future__ import annotations`: TFX reads the annotations of component functions.

from pathlib import Path
from typing import Any, Final

from tfx.dsl.compiler.constants import PIPELINE_RUN_ID_PARAMETER_NAME
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline
from tfx.types import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.standard_artifacts import Examples, HyperParameters, Model, ModelBlessing

from components.artifacts import ModelVersion, RunReport
from tests.taxiway.runners.chain import sources

RUN_ID: Final = RuntimeParameter(name=PIPELINE_RUN_ID_PARAMETER_NAME, ptype=str)
PLAIN: Final = {
    "rate": "0.1",
    "blessed": 1,
    "fails": "",
    "reimport": False,
    "note": "",
    "cache": True,
}


@component
def Learn(  # a component is named like a class
    examples: InputArtifact[Examples],
    hyperparameters: InputArtifact[HyperParameters],
    model: OutputArtifact[Model],
    fails: Parameter[str],
) -> None:
    """Makes a model, or fails."""
    del examples, hyperparameters
    if fails:
        raise RuntimeError(fails)
    (Path(model.uri) / "model.txt").write_text("a model")


class JudgeSpec(ComponentSpec):  # type: ignore[misc]  # TFX ships no types
    """As the Evaluator's: a baseline is compared with where there is one."""

    PARAMETERS: Final = {"blessed": ExecutionParameter(type=int)}
    INPUTS: Final = {
        "model": ChannelParameter(type=Model),
        "examples": ChannelParameter(type=Examples),
        "baseline_model": ChannelParameter(type=Model, optional=True),
    }
    OUTPUTS: Final = {"blessing": ChannelParameter(type=ModelBlessing)}


class JudgeExecutor(BaseExecutor):  # type: ignore[misc]  # TFX ships no types
    """Says yes or no."""

    def Do(self, inputs: Any, outputs: Any, properties: Any) -> None:
        """See BaseExecutor."""
        (model,), (blessing,) = inputs["model"], outputs["blessing"]
        blessing.set_int_custom_property("blessed", properties["blessed"])
        blessing.set_string_custom_property("current_model", model.uri)
        blessing.set_int_custom_property("current_model_id", model.id)


class Judge(BaseComponent):  # type: ignore[misc]  # TFX ships no types
    """See JudgeSpec."""

    SPEC_CLASS = JudgeSpec
    EXECUTOR_SPEC = ExecutorClassSpec(JudgeExecutor)


@component
def Register(  # a component is named like a class
    model: InputArtifact[Model],
    model_version: OutputArtifact[ModelVersion],
    note: Parameter[str],
) -> None:
    """Gives a blessed model a version."""
    del note
    model_version.model_name = "small"
    model_version.version_name = f"1.0.{model.id}"
    model_version.digest = "0" * 64


@component
def Report(report: OutputArtifact[RunReport]) -> None:  # a component is named like a class
    """Runs at the exit, and takes nothing in."""
    report.set_string_custom_property("path", "report.html")


def create_flow(root: Path, **changed: Any) -> Pipeline:
    """ExampleGen with a driver, importer, resolver, a baseline, a condition."""
    settings = PLAIN | changed
    example_gen, hyperparameters, baseline = sources(root, settings)
    learn = Learn(
        examples=example_gen.outputs["examples"],
        hyperparameters=hyperparameters.outputs["result"],
        fails=settings["fails"],
    )
    judge = Judge(
        JudgeSpec(
            model=learn.outputs["model"],
            examples=example_gen.outputs["examples"],
            baseline_model=baseline.outputs["model"],
            blessing=Channel(type=ModelBlessing),
            blessed=settings["blessed"],
        )
    )
    with Cond(judge.outputs["blessing"].future()[0].custom_property("blessed") == 1):
        register = Register(model=learn.outputs["model"], note=settings["note"])
    return _pipeline(
        root, "flow", [example_gen, hyperparameters, baseline, learn, judge, register], settings
    )


def create_exit(root: Path) -> Pipeline:
    """What runs after a run."""
    return _pipeline(root, "flow-exit", [Report()], {"cache": False})


def _pipeline(root: Path, name: str, nodes: list[Any], settings: dict[str, Any]) -> Pipeline:
    return Pipeline(
        pipeline_name=name,
        pipeline_root=str(root / "artifacts" / name),
        components=nodes,
        enable_cache=settings["cache"],
    )
