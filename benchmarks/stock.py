"""The stock side: the pipeline of TFX's own components, run by TFX's own Beam runner.

It gets the same preprocessing_fn, run_fn, curated schema, hyperparameters, metrics and slices as
Taxiway, and nothing else of it. What TFX leaves open is chosen in its favour: no statistics in
Transform, which Taxiway does not make either; no imports through `tfx.v1`, which load the cloud's
libraries too; no InfraValidator, which wants Docker.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx.components import (
    CsvExampleGen,
    Evaluator,
    ExampleValidator,
    Pusher,
    SchemaGen,
    StatisticsGen,
    Trainer,
    Transform,
)
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.common.importer import Importer
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
    LatestBlessedModelStrategy,
)
from tfx.orchestration import metadata
from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner, PipelineNodeAsDoFn
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import example_gen_pb2, pusher_pb2, trainer_pb2
from tfx.types import Channel
from tfx.types.standard_artifacts import HyperParameters, Model, ModelBlessing

from benchmarks.data import EVAL_SPAN, TRAIN_SPAN
from benchmarks.measure import Recorder
from taxiway.arrow.statistics_gen.options import statistics_options
from taxiway.config.schema import Config
from taxiway.evaluation.eval_config import eval_config
from taxiway.modeling.inputs import hyperparameters_folder, write_inputs
from taxiway.modeling.spec import load_spec


def create_pipeline(config: Config, metadata_file: Path) -> Pipeline:
    """Wires TFX's components on the input, model and evaluation that the config names."""
    spec = load_spec(config.model.module)
    code = {"module": config.model.module, "code_digest": config.model.code_digest}
    split = example_gen_pb2.Input.Split
    example_gen = CsvExampleGen(
        input_base=config.data.root,
        input_config=example_gen_pb2.Input(
            splits=[
                split(name="train", pattern=f"span-{TRAIN_SPAN}/*.csv"),
                split(name="eval", pattern=f"span-{EVAL_SPAN}/*.csv"),
            ]
        ),
    )
    examples = example_gen.outputs["examples"]
    curated = ImportSchemaGen(schema_file=config.data.schema_file)
    schema = curated.outputs["schema"]
    statistics_gen = StatisticsGen(
        examples=examples, stats_options=statistics_options(config.data.schema_file)
    )
    statistics = statistics_gen.outputs["statistics"]
    inferred = SchemaGen(statistics=statistics, infer_feature_shape=False)
    example_validator = ExampleValidator(statistics=statistics, schema=schema)
    transform = Transform(
        examples=examples,
        schema=schema,
        preprocessing_fn="taxiway.modeling.preprocessing.preprocessing_fn",
        custom_config=code,
        disable_statistics=True,
    )
    hyperparameters = Importer(
        source_uri=hyperparameters_folder(config), artifact_type=HyperParameters
    ).with_id("Hyperparameters")
    trainer = Trainer(
        run_fn="taxiway.modeling.training.trainer.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema,
        hyperparameters=hyperparameters.outputs["result"],
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
        custom_config=code,
    )
    baseline = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
    ).with_id("LatestBlessedModel")
    evaluator = Evaluator(
        examples=examples,
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        eval_config=eval_config(config.evaluation, spec),
        example_splits=["eval"],
    )
    pusher = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=config.push.destination)
        ),
    )
    return Pipeline(
        pipeline_name=config.pipeline.name,
        pipeline_root=config.output.pipeline_root(config.pipeline.name),
        components=[
            example_gen,
            curated,
            statistics_gen,
            inferred,
            example_validator,
            transform,
            hyperparameters,
            trainer,
            baseline,
            evaluator,
            pusher,
        ],
        enable_cache=False,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(metadata_file)),
        beam_pipeline_args=list(config.beam.args),
    )


def run(config: Config, metadata_file: Path, recorder: Recorder) -> None:
    """Runs the stock pipeline; a node that fails is raised as TFX raises it."""
    write_inputs(config)
    metadata_file.parent.mkdir(parents=True, exist_ok=True)
    _recorders.append(recorder)
    try:
        _TimedRunner().run(create_pipeline(config, metadata_file))
    finally:
        _recorders.remove(recorder)


_recorders: list[Recorder] = []
"""The recorder of the run in progress: Beam pickles a node's function, and so cannot hold it."""


class _TimedNode(PipelineNodeAsDoFn):  # type: ignore[misc]  # TFX ships no types
    """A node as TFX runs it, with its start and end reported."""

    def _run_node(self) -> Any:
        (recorder,) = _recorders
        recorder.start(self._node_id)
        result = super()._run_node()
        recorder.end(self._node_id)
        return result


class _TimedRunner(BeamDagRunner):  # type: ignore[misc]  # TFX ships no types
    """TFX's runner, on nodes that are timed."""

    _PIPELINE_NODE_DO_FN_CLS = _TimedNode
