"""The training pipeline: wiring only, read from top to bottom like the picture in the README."""

from __future__ import annotations

import hashlib
import json

from tfx.components import (
    DistributionValidator,
    Evaluator,
    ExampleValidator,
    Pusher,
    SchemaGen,
    StatisticsGen,
    Trainer,
    Transform,
)
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.dsl.components.common.importer import Importer
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
    LatestBlessedModelStrategy,
)
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import trainer_pb2
from tfx.types import Channel
from tfx.types.standard_artifacts import HyperParameters, Model, ModelBlessing

from components.arrow_example_gen.component import ArrowExampleGen
from components.data_gate.component import DataGate
from components.data_gate.drift import drift_config
from components.deploy_queue.component import DeployQueue
from components.distribution_validator.executor import Executor as ComparingExecutor
from components.infra_validator.component import InfraValidator
from components.model_manifest.component import model_manifest
from components.pusher.executor import Executor as PusherExecutor
from components.pusher.executor import push_config, stock_destination
from components.registrar.component import Registrar
from taxiway.arrow.executors import use_baseline, use_engine
from taxiway.arrow.ingest.dialect import Dialect
from taxiway.arrow.statistics_gen.options import statistics_options
from taxiway.config.beam import pipeline_args
from taxiway.config.schema import Config
from taxiway.evaluation.eval_config import eval_config
from taxiway.modeling.folder import part_path
from taxiway.modeling.inputs import (
    hyperparameter_properties,
    hyperparameters_folder,
    schema_properties,
)
from taxiway.modeling.names import EVAL_SPLIT, TRAIN_SPLIT
from taxiway.modeling.spec import load_spec
from taxiway.runners.nodes.collector import NodeCollector


def create_pipeline(config: Config) -> Pipeline:
    """Wires every node of the training pipeline; does no work and reads no data."""
    data, model = config.data, config.model
    spec = load_spec(model.module)
    materialized = config.transform.materialize
    code = {"module": model.module, "code_digest": model.code_digest}
    nodes = NodeCollector()

    # What is the data?
    example_gen = ArrowExampleGen(
        input_base=data.root,
        pattern=data.pattern,
        spans=data.spans,
        split=data.split,
        schema_file=data.schema_file,
        key=spec.key or "",
        label=spec.label,
        on_bad_row=data.on_bad_row,
        shards=data.shards,
        compression=data.compression,
        on_duplicate_key=data.on_duplicate_key,
        file_format=data.format,
        dialect=Dialect(**data.csv.model_dump()),
        derive=spec.task.derive,
        weight=spec.weight,
        classes=spec.task.may_be,
        positive=spec.task.must_be,
        vocabularies=spec.categories(),
    )
    examples = example_gen.outputs["examples"]
    curated = ImportSchemaGen(schema_file=data.schema_file)
    schema = curated.outputs["schema"]
    schema.additional_custom_properties.update(schema_properties(config))
    statistics_gen = StatisticsGen(
        examples=examples, stats_options=statistics_options(data.schema_file)
    )
    use_engine(statistics_gen, "StatisticsGen", config.engine)
    statistics = statistics_gen.outputs["statistics"]
    SchemaGen(statistics=statistics, infer_feature_shape=False)

    # May it be learned from?
    example_validator = ExampleValidator(statistics=statistics, schema=schema)
    distribution_validator = DistributionValidator(
        statistics=statistics,
        baseline_statistics=statistics,
        config=drift_config(config.data_gate, spec, data.schema_file),
        include_split_pairs=[(EVAL_SPLIT, TRAIN_SPLIT)],
    )
    distribution_validator.executor_spec = ExecutorClassSpec(ComparingExecutor)
    gate = DataGate(
        statistics=statistics,
        anomalies=example_validator.outputs["anomalies"],
        drift=distribution_validator.outputs["anomalies"],
        config=config.data_gate.model_dump_json(),
        schema_file=data.schema_file,
    )

    # Learn.
    transform = Transform(
        examples=examples,
        schema=schema,
        preprocessing_fn=part_path(model.module, "preprocessing"),
        custom_config=code,
        disable_statistics=True,
        disable_analyzer_cache=True,
        materialize=materialized,
    )
    use_engine(transform, "Transform", config.engine)
    transform.add_upstream_node(gate)
    hyperparameters = Importer(
        source_uri=hyperparameters_folder(config),
        artifact_type=HyperParameters,
        custom_properties=hyperparameter_properties(config),
    ).with_id("Hyperparameters")
    trainer = Trainer(
        run_fn=part_path(model.module, "training"),
        examples=transform.outputs["transformed_examples"] if materialized else examples,
        transform_graph=transform.outputs["transform_graph"],
        schema=schema,
        hyperparameters=hyperparameters.outputs["result"],
        train_args=trainer_pb2.TrainArgs(splits=[TRAIN_SPLIT]),
        eval_args=trainer_pb2.EvalArgs(splits=[EVAL_SPLIT]),
        custom_config=code | {"materialized": materialized},
    )
    trained = trainer.outputs["model"]

    # Is it good, and does it serve?
    baseline = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
    ).with_id("LatestBlessedModel")
    evaluator = Evaluator(
        examples=examples,
        model=trained,
        baseline_model=baseline.outputs["model"],
        eval_config=eval_config(config.evaluation, spec),
        example_splits=[EVAL_SPLIT],
    )
    use_engine(evaluator, "Evaluator", config.engine, model.allowed_operations)
    use_baseline(evaluator, config.evaluation.baseline)
    infra_validator = InfraValidator(
        model=trained,
        examples=examples,
        config=config.infra_validation.model_dump_json(),
        allowed_operations=json.dumps(model.allowed_operations),
    )
    manifest = model_manifest(config.container.image)(model=trained)

    # Deliver it, if both say yes.
    with (
        Cond(evaluator.outputs["blessing"].future()[0].custom_property("blessed") == 1),
        Cond(infra_validator.outputs["blessing"].future()[0].custom_property("blessed") == 1),
    ):
        pusher = Pusher(
            model=trained,
            push_destination=stock_destination(config.push_target),
            custom_config=push_config(config.push_target, config.registry, model.name),
            custom_executor_spec=ExecutorClassSpec(PusherExecutor),
        )
        pusher.add_upstream_node(manifest)  # no push that Registrar could not give a version
        registrar = Registrar(
            examples=examples,
            statistics=statistics,
            schema=schema,
            transform_graph=transform.outputs["transform_graph"],
            hyperparameters=hyperparameters.outputs["result"],
            evaluation=evaluator.outputs["evaluation"],
            blessing=evaluator.outputs["blessing"],
            infra_blessing=infra_validator.outputs["blessing"],
            manifest=manifest.outputs["manifest"],
            pushed_model=pusher.outputs["pushed_model"],
            model_name=model.name,
            module=model.module,
            pipeline_digest=pipeline_digest(config),
            registry=config.registry.model_dump_json(),
            evaluation_config=config.evaluation.model_dump_json(),
            infra_validation=config.infra_validation.model_dump_json(),
            allowed_operations=json.dumps(model.allowed_operations),
        )
        DeployQueue(
            model_version=registrar.outputs["model_version"],
            registry=config.registry.model_dump_json(),
        )
    return Pipeline(
        pipeline_name=config.pipeline.name,
        pipeline_root=config.output.pipeline_root(config.pipeline.name),
        components=nodes.nodes(),
        enable_cache=config.pipeline.cache,
        beam_pipeline_args=pipeline_args(config.beam),
    )


def pipeline_digest(config: Config) -> str:
    """sha256 of what makes a model apart from its data: the model's code, config and bounds."""
    parts = (config.model.model_dump_json(), config.evaluation.model_dump_json())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
