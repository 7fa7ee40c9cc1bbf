"""A node's code and its model's: what was compiled is what works, or nothing does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from taxiway.config.loader import model_digest
from taxiway.errors import TaxiwayError
from taxiway.process.code_digest import Modules

pytestmark = pytest.mark.pipeline
EVALUATOR = "taxiway.arrow.evaluator.executor.Executor"


def made(**config: str) -> tuple[Any, Any]:
    """A node of TFX's IR, and its executor."""
    from tfx.proto.orchestration import executable_spec_pb2, pipeline_pb2

    node = pipeline_pb2.PipelineNode()
    node.node_info.id = "Some"
    node.node_info.type.name = "tfx.components.some.component.Some"
    node.outputs.outputs["made"].SetInParent()
    given = node.parameters.parameters["custom_config"]
    given.field_value.string_value = json.dumps(config or None)
    return node, executable_spec_pb2.PythonClassExecutableSpec(class_path=EVALUATOR)


def stamped(**config: str) -> tuple[Any, Any]:
    from taxiway.runners.nodes.code_stamp import stamp

    node, executor = made(**config)
    stamp(node, executor, Modules())
    return node, executor


def test_the_code_as_it_was_may_work() -> None:
    from taxiway.runners.nodes.code_stamp import check

    check(*made())  # of an IR that someone else compiled
    check(*stamped())
    check(*stamped(module="tests.tiny", code_digest=model_digest("tests.tiny")))


def test_a_model_that_is_edited_after_the_start_of_the_run_is_not_trained() -> None:
    from taxiway.runners.nodes.code_stamp import check

    with pytest.raises(TaxiwayError, match="the code of Some has been edited") as refused:
        check(*stamped(module="tests.tiny", code_digest="of the code before"))
    assert "run again" in refused.value.edit


def test_every_output_says_which_code_has_made_it() -> None:
    from taxiway.runners.nodes.code_stamp import PROPERTY

    node, _ = stamped()
    properties = node.outputs.outputs["made"].artifact_spec.additional_custom_properties
    assert len(properties[PROPERTY].field_value.string_value) == 64


def test_an_importer_has_no_code() -> None:
    from taxiway.runners.nodes.code_stamp import PROPERTY, stamp

    node, _ = made()
    stamp(node, None, Modules())
    assert PROPERTY not in node.outputs.outputs["made"].artifact_spec.additional_custom_properties


def test_the_code_of_an_executor_on_beam_counts_too() -> None:
    from tfx.proto.orchestration import executable_spec_pb2

    from taxiway.runners.nodes.code_stamp import PROPERTY, stamp

    found = set()
    node, plain = made()
    on_beam = executable_spec_pb2.BeamExecutableSpec(python_executor_spec=plain)
    stock = executable_spec_pb2.PythonClassExecutableSpec(class_path="tfx.some.Executor")
    for executor in (plain, on_beam, stock):
        stamp(node, executor, Modules())
        properties = node.outputs.outputs["made"].artifact_spec.additional_custom_properties
        found.add((executor is stock, properties[PROPERTY].field_value.string_value))
    assert len(found) == 2
