"""Who may use the operations by which every SavedModel reads and writes its own files.

A model cannot do without some operations that open files by name: RestoreV2 and SaveV2 for its
variables, InitializeTableFromTextFileV2 for its vocabularies. TensorFlow's loader gives them names
in the model's folder. So each is allowed where its file's name comes from the loader and nowhere
else: from the saver's placeholder, or from an asset. A name that a model computes, has as a
constant, or is sent with a request may be that of any file.

Names are followed from the operation back through Identity and calls of functions: up to the graph
itself, which a session runs, or to a function that the object graph offers, which
tf.saved_model.load calls with what it has captured.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from taxiway.modeling.exported.saved_model import assets_of

ASSET_READERS: Final[Mapping[str, int]] = {
    "InitializeTableFromTextFile": 1,
    "InitializeTableFromTextFileV2": 1,
}
"""Operations that read an asset, and which input has its name."""
RESTORERS: Final[Mapping[str, int]] = {"RestoreV2": 0}
SAVERS: Final = frozenset({"SaveV2", "MergeV2Checkpoints"})
FILE_OPERATIONS: Final = frozenset({*ASSET_READERS, *RESTORERS, *SAVERS})

_CALLS: Final = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
"""Whose inputs are the arguments of the function."""
_OF_VARIABLES: Final = frozenset({"AssignVariableOp", "ReadVariableOp", "VarIsInitializedOp"})
_NOT_A_RESULT: Final = frozenset({"__saved_model_init_op", "__saved_model_train_op"})
_INIT_COLLECTIONS: Final = ("saved_model_main_op", "legacy_init_op")
_DEEPEST: Final = 100


def misused(graph: Any, allowed_operations: Collection[str] = ()) -> str:
    """What is wrong with a meta graph's use of FILE_OPERATIONS, in a few words; empty if nothing.

    Args:
      graph: a MetaGraph of `taxiway.modeling.exported.saved_model`.
      allowed_operations: those that may be used anywhere.
    """
    looked_for = FILE_OPERATIONS.difference(allowed_operations)
    bodies = _bodies(graph)
    found = [
        (body, node) for body in bodies for node in body.nodes.values() if node.op in looked_for
    ]
    if not found:
        return ""
    names = [body.name for body in bodies]
    if len(set(names)) != len(names) or any(body.repeated for body in bodies):
        return "functions or nodes of the same name"
    use = _Use(graph, bodies)
    for body, node in found:
        if not use.is_right(body, node):
            wanted = (
                "an asset of the model" if node.op in ASSET_READERS else "the model's own saver"
            )
            return (
                f"the operation {node.op} (in {body.told()}) for a file that is not named by "
                f"{wanted}"
            )
    return ""


@dataclass(frozen=True)
class _Body:
    """The nodes of the graph itself (its name is empty), or of a function."""

    name: str
    arguments: tuple[str, ...]
    nodes: Mapping[str, Any]
    repeated: bool

    def told(self) -> str:
        name = "".join(one if one.isprintable() else "?" for one in self.name[:80])
        return f"function {name}" if name else "the graph"


def _bodies(graph: Any) -> list[_Body]:
    def body(name: str, arguments: Iterable[str], nodes: Any) -> _Body:
        by_name = {node.name: node for node in nodes}
        return _Body(name, tuple(arguments), by_name, len(by_name) != len(nodes))

    functions = graph.graph_def.library.function
    return [
        body("", (), graph.graph_def.node),
        *(
            body(
                function.signature.name,
                (argument.name for argument in function.signature.input_arg),
                function.node_def,
            )
            for function in functions
        ),
    ]


class _Use:
    """Follows names of files through a meta graph."""

    def __init__(self, graph: Any, bodies: list[_Body]) -> None:
        self._graph = graph
        self._whole = bodies[0]
        self._bodies = bodies
        self._callers = _callers(bodies)
        self._assets = {_node_of(asset.tensor_info.name) for asset in assets_of(graph)}
        saver = graph.saver_def
        self._filename = _node_of(saver.filename_tensor_name)
        self._saved = self._upstream([saver.save_tensor_name])
        self._restored = self._upstream([saver.restore_op_name])
        self._initialised = self._upstream(_init_names(graph))
        self._answered = self._upstream(_result_names(graph))

    def is_right(self, body: _Body, node: Any) -> bool:
        """Whether the loader alone says which file the node opens."""
        if node.op in SAVERS:
            # Saving is never run by who loads; the names it makes need not be followed.
            allowed = self._saved - self._restored - self._initialised - self._answered
            return self._runs_only_in(body, node, allowed)
        if node.op in RESTORERS:
            allowed = self._restored - self._initialised - self._answered
            from_loader = self._named(body, node, RESTORERS[node.op], self._is_saver_filename)
            return from_loader and self._runs_only_in(body, node, allowed)
        allowed = set(self._whole.nodes) - self._answered - self._saved - self._restored
        from_asset = self._named(body, node, ASSET_READERS[node.op], self._is_asset)
        return from_asset and self._runs_only_in(body, node, allowed, offered=True)

    def _runs_only_in(
        self, body: _Body, node: Any, allowed: Collection[str], *, offered: bool = False
    ) -> bool:
        """Whether all ways to a node start at some nodes of the graph, or at offered functions."""
        seen: set[str] = set()
        waiting = [(body, node)]
        while waiting:
            at, one = waiting.pop()
            if not at.name:
                if one.name not in allowed:
                    return False
                continue
            if at.name in seen:
                continue
            seen.add(at.name)
            if not offered and any(self._offers(at.name)):
                return False
            waiting.extend((caller, call) for caller, call, _ in self._callers.get(at.name, ()))
        return True

    def _named(self, body: _Body, node: Any, place: int, is_source: Any, depth: int = 0) -> bool:
        """Whether an input is a name that the loader gives, whoever calls the function."""
        inputs = _data_inputs(node)
        if place >= len(inputs) or depth > _DEEPEST:
            return False
        name = _node_of(inputs[place])
        if body.name and name in body.arguments:
            return self._argument_named(body, body.arguments.index(name), is_source, depth)
        source = body.nodes.get(name)
        if source is None:
            return False
        if source.op == "Identity":
            return self._named(body, source, 0, is_source, depth + 1)
        return not body.name and bool(is_source(source))

    def _argument_named(self, body: _Body, place: int, is_source: Any, depth: int) -> bool:
        for caller, call, is_plain in self._callers.get(body.name, ()):
            if not (is_plain and self._named(caller, call, place, is_source, depth + 1)):
                return False
        return all(
            is_source == self._is_asset and self._captures_asset(body, place, list(bound))
            for bound in self._offers(body.name)
        )

    def _offers(self, name: str) -> Iterator[Any]:
        """Captured inputs of a function, for each time that the object graph offers it."""
        for entry in self._graph.object_graph_def.concrete_functions:
            if entry.key == name:
                yield entry.value.bound_inputs

    def _captures_asset(self, body: _Body, place: int, bound: list[int]) -> bool:
        captured = place - (len(body.arguments) - len(bound))
        nodes = self._graph.object_graph_def.nodes
        if captured < 0 or not 0 <= bound[captured] < len(nodes):
            return False
        kinds = [field.name for field, _ in nodes[bound[captured]].ListFields()]
        return kinds == ["asset"]

    def _is_saver_filename(self, node: Any) -> bool:
        return node.name == self._filename and node.op in ("Placeholder", "PlaceholderWithDefault")

    def _is_asset(self, node: Any) -> bool:
        """An asset's own node, or a variable that is only ever given one."""
        if self._is_asset_node(node):
            return True
        if node.op != "ReadVariableOp":
            return False
        variable = self._whole.nodes.get(_node_of(next(iter(node.input), "")))
        if variable is None or variable.op != "VarHandleOp" or self._is_shared(variable):
            return False
        users = [one for one in self._whole.nodes.values() if _uses(one, variable.name)]
        given = [one for one in users if one.op == "AssignVariableOp"]
        return (
            bool(given)
            and all(user.op in _OF_VARIABLES for user in users)
            and all(self._named(self._whole, one, 1, self._is_asset_node) for one in given)
        )

    def _is_asset_node(self, node: Any) -> bool:
        return node.name in self._assets and node.op in ("Const", "Placeholder")

    def _is_shared(self, variable: Any) -> bool:
        """Whether another handle may be of the same variable."""
        others = (
            one
            for body in self._bodies
            for one in body.nodes.values()
            if one.op == "VarHandleOp" and one is not variable
        )
        mine = _strings(variable, "shared_name")
        return any(_strings(one, "shared_name") & mine for one in others)

    def _upstream(self, tensors: Iterable[str]) -> set[str]:
        """Nodes of the graph that run where these are asked for."""
        seen: set[str] = set()
        waiting = [_node_of(name) for name in tensors if name]
        while waiting:
            name = waiting.pop()
            if name not in seen and name in self._whole.nodes:
                seen.add(name)
                waiting.extend(_node_of(one) for one in self._whole.nodes[name].input)
        return seen


def _callers(bodies: Iterable[_Body]) -> dict[str, list[tuple[_Body, Any, bool]]]:
    """Nodes that run a function, by its name, and whether their inputs are its arguments."""
    callers: dict[str, list[tuple[_Body, Any, bool]]] = {}
    for body in bodies:
        for node in body.nodes.values():
            callers.setdefault(node.op, []).append((body, node, True))
            for entry in node.attr:
                plain = node.op in _CALLS and entry.key == "f"
                for name in _functions(entry.value):
                    callers.setdefault(name, []).append((body, node, plain))
    return callers


def _functions(value: Any, depth: int = 0) -> Iterator[str]:
    """Names of functions in an attribute, and in what those are given."""
    for one in (value.func, *value.list.func):
        if one.name:
            yield one.name
        for entry in one.attr if depth < _DEEPEST else ():
            yield from _functions(entry.value, depth + 1)


def _result_names(graph: Any) -> Iterator[str]:
    for entry in graph.signature_def:
        if entry.key not in _NOT_A_RESULT:
            for output in entry.value.outputs:
                yield from _tensor_names(output.value)


def _tensor_names(info: Any) -> Iterator[str]:
    sparse = info.coo_sparse
    yield info.name
    yield from (
        sparse.values_tensor_name,
        sparse.indices_tensor_name,
        sparse.dense_shape_tensor_name,
    )
    for component in info.composite_tensor.components:
        yield from _tensor_names(component)


def _init_names(graph: Any) -> Iterator[str]:
    for entry in graph.signature_def:
        if entry.key in _NOT_A_RESULT:
            yield from (output.value.name for output in entry.value.outputs)
    for collection in graph.collection_def:
        if collection.key in _INIT_COLLECTIONS:
            yield from collection.value.node_list.value


def _data_inputs(node: Any) -> list[str]:
    return [name for name in node.input if not name.startswith("^")]


def _node_of(tensor: str) -> str:
    """`^name`, `name:0` and `name:output:0` are all of the node `name`."""
    return tensor.removeprefix("^").partition(":")[0]


def _uses(node: Any, name: str) -> bool:
    return any(_node_of(one) == name for one in _data_inputs(node))


def _strings(node: Any, key: str) -> set[bytes]:
    return {entry.value.s for entry in node.attr if entry.key == key}
