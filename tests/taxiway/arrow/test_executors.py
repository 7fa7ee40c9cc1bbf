"""Which executor a heavy step is compiled with."""

from __future__ import annotations

from typing import Any

import pytest

from taxiway.config.loader import load_config
from tests.conftest import TINY

pytestmark = pytest.mark.pipeline

BEAM = "taxiway.arrow.evaluator.beam.Executor"
ARROW = "taxiway.arrow.evaluator.executor.Executor"


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        ([], ARROW),
        (["engine.default=beam"], BEAM),
        (["engine.components={Evaluator: beam}"], BEAM),
        (["engine.default=beam", "engine.components={Evaluator: arrow}"], ARROW),
        (["evaluation.baseline=required"], ARROW.replace("Executor", "StrictExecutor")),
        (
            ["evaluation.baseline=required", "engine.default=beam"],
            BEAM.replace("Executor", "StrictExecutor"),
        ),
    ],
)
def test_the_config_chooses_the_executor_and_nothing_else(
    assignments: list[str], expected: str
) -> None:
    from tfx.dsl.compiler import compiler

    from pipelines.training import create_pipeline

    def compiled(*assignments: str) -> tuple[Any, str]:
        pipeline = create_pipeline(load_config([TINY], list(assignments)))
        (component,) = [each for each in pipeline.components if each.id == "Evaluator"]
        nodes = [node.pipeline_node for node in compiler.Compiler().compile(pipeline).nodes]
        (node,) = [node for node in nodes if node.node_info.id == "Evaluator"]
        return node, component.executor_spec.class_path

    node, executor = compiled(*assignments)
    assert executor == expected
    assert node == compiled("engine.default=arrow")[0] == compiled("engine.default=beam")[0]
