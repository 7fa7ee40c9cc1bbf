"""Which executor runs a heavy step: one spec and the same artifacts, two engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tfx.dsl.components.base.executor_spec import BeamExecutorSpec, ExecutorClassSpec

from taxiway.arrow.bulk_inferrer.executor import Executor as BulkInferrerExecutor
from taxiway.arrow.checked_models import StockBulkInferrer, allow_operations
from taxiway.arrow.evaluator import beam as beam_evaluator
from taxiway.arrow.evaluator import executor as evaluator
from taxiway.arrow.statistics_gen.executor import Executor as StatisticsGenExecutor
from taxiway.arrow.transform.executor import Executor as TransformExecutor
from taxiway.config.engine import Engine, HeavyStep
from taxiway.config.evaluation import BaselineRule

ARROW: Final[Mapping[HeavyStep, type]] = {
    "StatisticsGen": StatisticsGenExecutor,
    "Transform": TransformExecutor,
    "Evaluator": evaluator.Executor,
    "BulkInferrer": BulkInferrerExecutor,
}
"""Executors of the arrow engine; those of the beam engine come with the stock components."""

BEAM: Final[Mapping[HeavyStep, type]] = {
    "Evaluator": beam_evaluator.Executor,
    "BulkInferrer": StockBulkInferrer,
}
"""Executors of the beam engine that do more than those of the stock components."""
STRICT: Final[Mapping[type, type]] = {
    evaluator.Executor: evaluator.StrictExecutor,
    beam_evaluator.Executor: beam_evaluator.StrictExecutor,
}
"""Of each engine's Evaluator, the one that refuses a baseline that cannot be used."""


def use_engine(
    component: Any, step: HeavyStep, engine: Engine, allowed_operations: Sequence[str] = ()
) -> None:
    """Gives a stock component the executor of the engine that the config names; its spec stays.

    Args:
      component: the stock component.
      step: which it is.
      engine: the section of the config.
      allowed_operations: `model.allowed_operations`, for a component that loads models.
    """
    if engine.of(step) == "arrow":
        component.executor_spec = ExecutorClassSpec(ARROW[step])
    elif step in BEAM:
        component.executor_spec = BeamExecutorSpec(BEAM[step])
    allow_operations(component, allowed_operations)


def use_baseline(evaluator: Any, rule: BaselineRule) -> None:
    """Gives an Evaluator, after its engine, the executor that keeps `evaluation.baseline`."""
    spec = evaluator.executor_spec
    if rule == "required":
        evaluator.executor_spec = type(spec)(STRICT[spec.executor_class])
