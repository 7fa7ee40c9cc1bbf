"""A small pipeline with every kind of node whose cache TFX decides on, to test the runner with."""
# No `from __future__ import annotations`: TFX reads the annotations of component functions.

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tfx.components import CsvExampleGen
from tfx.dsl.compiler.constants import PIPELINE_RUN_ID_PARAMETER_NAME
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.common.importer import Importer
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
    LatestBlessedModelStrategy,
)
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline
from tfx.types import Channel
from tfx.types.standard_artifacts import Examples, HyperParameters, Model, ModelBlessing

from taxiway.process.progress import Progress, report

RUN_ID: Final = RuntimeParameter(name=PIPELINE_RUN_ID_PARAMETER_NAME, ptype=str)
PLAIN: Final = {"blessed": 1, "cache": True, "note": "", "rate": "0.1", "reimport": False}


@component
def Learn(  # a component is named like a class
    examples: InputArtifact[Examples],
    hyperparameters: InputArtifact[HyperParameters],
    model: OutputArtifact[Model],
) -> None:
    """Makes a model that says nothing."""
    del examples, hyperparameters
    report(Progress(1, 2, "epochs"))  # as training does
    (Path(model.uri) / "model.txt").write_text("a model")


@component
def Bless(
    model: InputArtifact[Model],
    blessing: OutputArtifact[ModelBlessing],
    blessed: Parameter[int],
) -> None:
    """Says yes or no."""
    blessing.set_int_custom_property("blessed", blessed)
    blessing.set_string_custom_property("current_model", model.uri)
    blessing.set_int_custom_property("current_model_id", model.id)


@component
def Send(model: InputArtifact[Model], file: Parameter[str], note: Parameter[str]) -> None:
    """A node that puts nothing out, and leaves a line each time it runs."""
    with Path(file).open("a") as opened:
        opened.write(f"{model.uri} {note}\n")


def sources(root: Path, settings: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """Nodes that take nothing in: ExampleGen with a driver, an importer, a resolver."""
    example_gen = CsvExampleGen(input_base=str(root / "input"))
    source = root / "hyperparameters"
    source.mkdir(exist_ok=True)
    hyperparameters = Importer(
        source_uri=str(source),
        artifact_type=HyperParameters,
        custom_properties={"rate": settings["rate"]},
        reimport=settings["reimport"],
    ).with_id("Hyperparameters")
    baseline = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
    ).with_id("LatestBlessedModel")
    return example_gen, hyperparameters, baseline


def create_chain(root: Path, **changed: Any) -> Pipeline:
    """ExampleGen with a driver, importer, resolver, functions and a condition."""
    settings = PLAIN | changed
    example_gen, hyperparameters, baseline = sources(root, settings)
    learn = Learn(
        examples=example_gen.outputs["examples"],
        hyperparameters=hyperparameters.outputs["result"],
    )
    bless = Bless(model=learn.outputs["model"], blessed=settings["blessed"])
    nodes = [example_gen, hyperparameters, baseline, learn, bless]
    with Cond(bless.outputs["blessing"].future()[0].custom_property("blessed") == 1):
        sent = str(root / "sent.txt")
        send = Send(model=learn.outputs["model"], file=sent, note=settings["note"])
    return Pipeline(
        pipeline_name="chain",
        pipeline_root=str(root / "artifacts"),
        components=[*nodes, send],
        enable_cache=settings["cache"],
    )
