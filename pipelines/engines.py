"""Which executor runs a heavy step: one spec and the same artifacts, two engines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec

from components.statistics_gen.executor import Executor as StatisticsGenExecutor
from components.transform.executor import Executor as TransformExecutor
from configs.engines import Engine, HeavyStep

ARROW: Final[Mapping[HeavyStep, type[Any]]] = {
    "StatisticsGen": StatisticsGenExecutor,
    "Transform": TransformExecutor,
}
"""Executors of the arrow engine; those of the beam engine come with the stock components."""


def with_engine(component: BaseComponent, step: HeavyStep, engine: Engine) -> BaseComponent:
    """The component, which uses the engine that the config wants for this step."""
    if engine.of(step) == "arrow":
        component.executor_spec = ExecutorClassSpec(ARROW[step])
    return component
