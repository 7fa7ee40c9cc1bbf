"""Whoever loads a model in the run's own process looks at it first, with either engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from taxiway.config.engine import Engine
from taxiway.modeling.exported.saved_model import ModelRefused

pytestmark = pytest.mark.pipeline

STEPS = ("Evaluator", "BulkInferrer")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's artifact, whose model writes as it is loaded."""
    import tensorflow as tf

    from tests.taxiway.modeling.exported.hostile import save_that_loads

    folder = tmp_path_factory.mktemp("hostile")
    written = str(folder / "written")
    save_that_loads(folder / "Format-Serving", lambda _: tf.io.write_file(written, "x"))
    return folder


def component(step: str, engine: str, *allowed: str) -> Any:
    from tfx.components import BulkInferrer, Evaluator
    from tfx.types import Channel
    from tfx.types.standard_artifacts import Examples, Model

    from taxiway.arrow.executors import use_engine

    kind = {"Evaluator": Evaluator, "BulkInferrer": BulkInferrer}[step]
    made = kind(examples=Channel(type=Examples), model=Channel(type=Model))
    use_engine(made, step, Engine(components={step: engine}), allowed)  # type: ignore[dict-item, arg-type]  # plain text, for brevity
    return made


@pytest.mark.parametrize("engine", ["arrow", "beam"])
@pytest.mark.parametrize("step", STEPS)
def test_a_model_that_may_do_harm_is_refused_before_it_is_loaded(
    hostile: Path, step: str, engine: str
) -> None:
    """An Evaluator's baseline is, too: it counts as none (evaluator/test_baseline.py)."""
    from tfx.types.standard_artifacts import Model

    model = Model()
    model.uri = str(hostile)
    executor = component(step, engine).executor_spec.executor_class()
    with pytest.raises(ModelRefused) as caught:
        executor.Do({"model": [model], "examples": []}, {}, {})
    assert caught.value.message.startswith(
        f"{hostile}/Format-Serving has the operation WriteFile (in function "
    )
    assert not (hostile / "written").exists()
    with pytest.raises(Exception) as other:  # noqa: PT011  # it comes to what else is missing
        executor.Do(
            {"model": [model], "examples": []},
            {},
            {"allowed_operations": json.dumps(["WriteFile"])},
        )
    assert not isinstance(other.value, ModelRefused)


@pytest.mark.parametrize("engine", ["arrow", "beam"])
@pytest.mark.parametrize("step", STEPS)
def test_what_the_config_allows_is_a_parameter_of_the_node(step: str, engine: str) -> None:
    from tfx.dsl.compiler import compiler
    from tfx.orchestration.pipeline import Pipeline

    def parameters(*allowed: str) -> Any:
        made = component(step, engine, *allowed)
        whole = Pipeline(pipeline_name="p", pipeline_root="r", components=[made])
        (node,) = compiler.Compiler().compile(whole).nodes
        return node.pipeline_node.parameters.parameters

    value = parameters("DecodeProtoV2")["allowed_operations"].field_value.string_value
    assert value == '["DecodeProtoV2"]'
    assert "allowed_operations" not in parameters()
