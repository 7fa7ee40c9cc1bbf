"""The code of nodes, as part of what TFX's cache goes by.

TFX knows an executor by its name. So it would take the outputs of code that has been edited since,
or of another TensorFlow, for those of today's.
"""

from __future__ import annotations

import json
from typing import Any, Final

from taxiway.config.loader import model_digest
from taxiway.errors import TaxiwayError
from taxiway.process.code_digest import Modules

PROPERTY: Final = "code_digest"
"""A custom property of all artifacts that a node makes. Upstream, it makes other input of it too;
and as any property of outputs it is in the cache's key."""


def stamp(node: Any, executor_spec: Any, modules: Modules) -> None:
    """Writes into a node of TFX's IR which code will make its outputs.

    Args:
      node: a PipelineNode.
      executor_spec: its executable spec, or None, as of an importer or a resolver.
      modules: the code; nodes share much of it.
    """
    if executor_spec is None:
        return
    digest = _digest(node, executor_spec, modules)
    for output in node.outputs.outputs.values():
        properties = output.artifact_spec.additional_custom_properties
        properties[PROPERTY].field_value.string_value = digest


def check(node: Any, executor_spec: Any) -> None:
    """Refuses to work with other code than the run was compiled from, under whose name it would be.

    Raises:
      TaxiwayError: the node's code has been edited since, or that of the model it works with.
    """
    expected = {
        output.artifact_spec.additional_custom_properties[PROPERTY].field_value.string_value
        for output in node.outputs.outputs.values()
        if PROPERTY in output.artifact_spec.additional_custom_properties
    }
    changed = bool(expected) and expected != {_digest(node, executor_spec, Modules())}
    parameters = node.parameters.parameters
    if "custom_config" in parameters:
        config = json.loads(parameters["custom_config"].field_value.string_value) or {}
        if {"module", PROPERTY} <= config.keys():
            changed = changed or model_digest(config["module"]) != config[PROPERTY]
    if changed:
        raise TaxiwayError(
            f"the code of {node.node_info.id} has been edited since this run began; its outputs "
            "would be kept as those of the code before",
            edit="nothing: run again, and what is done already is found in the cache",
        )


def _digest(node: Any, executor_spec: Any, modules: Modules) -> str:
    """Of the modules of the component and of its executor."""
    executor = getattr(executor_spec, "python_executor_spec", executor_spec)  # of one on Beam
    paths = (node.node_info.type.name, getattr(executor, "class_path", ""))
    return modules.digest(*(path.rpartition(".")[0] for path in paths))
