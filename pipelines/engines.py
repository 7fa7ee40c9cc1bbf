"""Which executor each heavy step runs with: ours on workers, or TFX's own on Beam."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tfx.dsl.components.base.executor_spec import ExecutorClassSpec

from components.evaluator.executor import Executor as EvaluatorExecutor
from configs.engines import Engine, HeavyStep

ARROW: Final[Mapping[HeavyStep, type]] = {
    "Evaluator": EvaluatorExecutor,
}


def use_engine(component: Any, step: HeavyStep, engine: Engine) -> None:
    """Gives a stock component our executor where the config says arrow; its spec stays."""
    if engine.of(step) == "arrow":
        component.executor_spec = ExecutorClassSpec(ARROW[step])
