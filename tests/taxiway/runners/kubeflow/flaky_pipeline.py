"""A pipeline of one node that ends as a file of words says, an attempt a word."""
# No `from __future__ import annotations`: TFX reads the annotations of component functions.

from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.pipeline import Pipeline
from tfx.types.standard_artifacts import Model

from taxiway.config.schema import Config
from taxiway.errors import ConfigError, DataError, GateStopped, TaxiwayError
from taxiway.runners.nodes.collector import NodeCollector
from taxiway.workers.job import FinalShardError, ShardError

ERRORS = {
    "wrong data": DataError,
    "wrong config": ConfigError,
    "a gate": GateStopped,
    "known": TaxiwayError,
    "unknown": RuntimeError,
    "a mistake": KeyError,
    "a shard that cannot": FinalShardError,
    "a shard that may": ShardError,
    "a connection": ConnectionResetError,
}


@component
def Flaky(words: Parameter[str], model: OutputArtifact[Model]) -> None:
    """Takes the first word off the file, and does as it says."""
    path = Path(words)
    word, _, rest = path.read_text().partition("\n")
    path.write_text(rest)
    (Path(model.uri) / "made").write_text(word)
    if word != "well":
        raise ERRORS[word](f"ended by {word}")


def create_pipeline(config: Config) -> Pipeline:
    """The one node; its words are beside its artifacts."""
    nodes = NodeCollector()
    Flaky(words=f"{config.output.root}/words")
    return Pipeline(
        pipeline_name=config.pipeline.name,
        pipeline_root=config.output.pipeline_root(config.pipeline.name),
        components=nodes.nodes(),
        enable_cache=False,
    )
