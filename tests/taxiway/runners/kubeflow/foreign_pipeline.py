"""A pipeline with container components, to run them as users who are not ours."""
# No `from __future__ import annotations`: TFX reads the annotations of component functions.

from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact
from tfx.dsl.component.experimental.container_component import create_container_component
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.component.experimental.placeholders import OutputUriPlaceholder
from tfx.orchestration.pipeline import Pipeline
from tfx.types.standard_artifacts import Model

from components.artifacts import ModelManifest
from components.model_manifest.component import model_manifest
from taxiway.config.schema import Config
from taxiway.runners.nodes.collector import NodeCollector

KEEPS_TO_ITSELF = """
mkdir -p "$1/deep/er" && echo secret > "$1/deep/er/file" && chmod 0755 "$1/deep" "$1/deep/er"
chmod 0600 "$1/deep/er/file"
"""


@component
def MakeModel(model: OutputArtifact[Model]) -> None:  # a component is named like a class
    """Leaves modes as tempfile and a careful library do: for the owner alone."""
    serving = Path(model.uri) / "Format-Serving"
    (serving / "variables").mkdir(parents=True)
    for name in ("saved_model.pb", "variables/variables.index"):
        (serving / name).write_text(name)
        (serving / name).chmod(0o600)
    (serving / "variables").chmod(0o700)


def create_pipeline(config: Config) -> Pipeline:
    """A model, its manifest, and a component whose container leaves what nobody else may read."""
    nodes = NodeCollector()
    made = MakeModel()
    model_manifest(config.container.image)(model=made.outputs["model"])
    create_container_component(
        name="KeepsToItself",
        image=config.container.image,
        command=["sh", "-c", KEEPS_TO_ITSELF, "sh", OutputUriPlaceholder("kept")],
        outputs={"kept": ModelManifest},
    )()
    return Pipeline(
        pipeline_name=config.pipeline.name,
        pipeline_root=config.output.pipeline_root(config.pipeline.name),
        components=nodes.nodes(),
        enable_cache=False,
    )
