"""Which executor runs a heavy step: one spec and the same artifacts, two engines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tfx.dsl.components.base.executor_spec import ExecutorClassSpec

from taxiway.arrow.bulk_inferrer.executor import Executor as BulkInferrerExecutor
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


def use_engine(component: Any, step: HeavyStep, engine: Engine) -> None:
    """Gives a stock component our executor where the config says arrow; its spec stays."""
    if engine.of(step) == "arrow":
        component.executor_spec = ExecutorClassSpec(ARROW[step])
