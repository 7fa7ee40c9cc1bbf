"""Which executor runs a heavy step: one spec and the same artifacts, two engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tfx.dsl.components.base.executor_spec import BeamExecutorSpec, ExecutorClassSpec

from taxiway.arrow.bulk_inferrer.executor import Executor as BulkInferrerExecutor
from taxiway.arrow.checked_models import StockBulkInferrer, StockEvaluator, allow_operations
from taxiway.arrow.evaluator.executor import Executor as EvaluatorExecutor
from taxiway.arrow.statistics_gen.executor import Executor as StatisticsGenExecutor
from taxiway.arrow.transform.executor import Executor as TransformExecutor
from taxiway.config.engine import Engine, HeavyStep

ARROW: Final[Mapping[HeavyStep, type]] = {
    "StatisticsGen": StatisticsGenExecutor,
    "Transform": TransformExecutor,
    "Evaluator": EvaluatorExecutor,
    "BulkInferrer": BulkInferrerExecutor,
}
"""Executors of the arrow engine; those of the beam engine come with the stock components."""

CHECKED: Final[Mapping[str, type]] = {
    "Evaluator": StockEvaluator,
    "BulkInferrer": StockBulkInferrer,
}
"""Executors of the beam engine for components that load models."""


def use_engine(
    component: Any, step: HeavyStep, engine: Engine, allowed_operations: Sequence[str] = ()
) -> None:
    """Gives a stock component our executor where the config says arrow; its spec stays.

    Args:
      component: the stock component.
      step: which it is.
      engine: the section of the config.
      allowed_operations: `model.allowed_operations`, for a component that loads models.
    """
    if engine.of(step) == "arrow":
        component.executor_spec = ExecutorClassSpec(ARROW[step])
    elif step in CHECKED:
        component.executor_spec = BeamExecutorSpec(CHECKED[step])
    allow_operations(component, allowed_operations)
