"""Names of the classes of a SavedModel's signature `classify`, read from its graph.

The signature gives them with every row, as a constant that is tiled (see `Head.served`). So they
are found by going back from the output to the constant, without a row that the model would take.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import tensorflow as tf

CLASSES: Final = "classes"
"""The output of the signature that has them."""

_PASSED_ON: Final = frozenset({"Identity", "Tile", "BroadcastTo", "Reshape", "ExpandDims", "Pack"})
"""Operations whose first input has the same names."""
_CALLS: Final = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_DEEPEST: Final = 100


def class_names(signature: Any) -> list[str]:
    """In the order of their scores; empty where the graph says them in no such way.

    Args:
      signature: a loaded one.
    """
    names = sorted(signature.structured_outputs)
    if CLASSES not in names:
        return []
    output = signature.outputs[names.index(CLASSES)]
    graph = signature.graph.as_graph_def()
    functions = {one.signature.name: one for one in graph.library.function}
    nodes, tensor = {node.name: node for node in graph.node}, output.name
    for _ in range(_DEEPEST):
        name, _, place = tensor.partition(":")
        node = nodes.get(name)
        if node is None:
            return []
        if node.op == "Const":
            return _texts(node)
        if node.op in _PASSED_ON:
            tensor = node.input[0]
        elif node.op in _CALLS and node.attr["f"].func.name in functions:
            function = functions[node.attr["f"].func.name]
            result = function.signature.output_arg[_number(place)].name
            nodes, tensor = {one.name: one for one in function.node_def}, function.ret[result]
        else:
            return []
    return []


def classes_of(signatures: Mapping[str, Any]) -> dict[str, list[str]]:
    """By the name of the signature that has them."""
    found = {name: class_names(signature) for name, signature in signatures.items()}
    return {name: names for name, names in found.items() if names}


def _number(place: str) -> int:
    """`name`, `name:1` in a graph, and `name:output:1` in a function are of the outputs 0 and 1."""
    return int(place.rpartition(":")[2] or 0)


def _texts(node: Any) -> list[str]:
    values = tf.make_ndarray(node.attr["value"].tensor).ravel().tolist()
    return [value.decode(errors="replace") for value in values if isinstance(value, bytes)]
