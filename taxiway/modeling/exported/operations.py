"""Which operations a SavedModel may have: a model computes, and reaches for nothing else.

A SavedModel is a program. Stock operations of TensorFlow read and write files, open sockets and run
Python, at every request or already as the model is loaded. So its graph and all of its functions
are looked at before any process loads it, and one with an operation that is not on the list is
refused by name. The list is allowed_operations.txt; what a fork's models need besides, such as the
operations of a library of its own, is named by `model.allowed_operations`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from taxiway.modeling.exported.file_use import FILE_OPERATIONS, misused
from taxiway.modeling.exported.saved_model import ModelRefused, assets_of, read_saved_model

ALLOWED_OPERATIONS_KEY: Final = "model.allowed_operations"

_LIST: Final = Path(__file__).with_name("allowed_operations.txt")
_EDIT: Final = f"the model, or {ALLOWED_OPERATIONS_KEY} if you trust whoever wrote it"
_SHOWN: Final = 5
# Operations are in CamelCase, some below a library's name; what TensorFlow makes of functions has
# an underscore and a number.
_LIKE_AN_OPERATION: Final = re.compile(r"_*(\w+>)?[A-Z][A-Za-z0-9]*")
# PrintV2 writes to a file too, where it is told to.
_STREAMS: Final = re.compile(rb"stdout|stderr|log\((info|warning|error)\)")


def check_model(folder: str | Path, allowed_operations: Collection[str] = ()) -> None:
    """Looks at a SavedModel without loading it.

    Args:
      folder: of this machine, or an address that TensorFlow opens.
      allowed_operations: allowed besides the list, wherever they stand in the model.

    Raises:
      ModelRefused: it has an operation that may reach beyond the model, uses one that reads or
        writes the model's own files for others, or has files that lead out of it.
    """
    model = read_saved_model(str(folder))
    for graph in model.meta_graphs:
        refused = dict(_refused(graph, allowed_operations))
        if refused:
            raise ModelRefused(
                f"{folder} has {_told(refused)}: outside of the operations that a model may have, "
                "for it may reach files, sockets, Python or other code",
                edit=_EDIT,
            )
        _check_assets(folder, graph)
        misuse = misused(graph, allowed_operations)
        if misuse:
            raise ModelRefused(f"{folder} has {misuse}", edit=_EDIT)


@functools.cache
def listed_operations() -> frozenset[str]:
    """The names in allowed_operations.txt."""
    lines = _LIST.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def _refused(graph: Any, allowed_operations: Collection[str]) -> Iterator[tuple[str, str]]:
    """Operations that are not allowed, each with a place where it stands."""
    allowed = listed_operations() | FILE_OPERATIONS | frozenset(allowed_operations)
    functions = {function.signature.name for function in graph.graph_def.library.function}
    for name in functions:
        # TensorFlow would have to choose between the two, and we to guess which.
        if _LIKE_AN_OPERATION.fullmatch(name) and name not in allowed:
            yield name, "a function of that name"
    for place, nodes in bodies(graph):
        for node in nodes:
            if node.op == "PrintV2":
                if node.op not in allowed_operations and not _prints_to_a_stream(node):
                    yield "PrintV2 to a file", place
            elif node.op not in allowed and node.op not in functions:
                yield node.op, place


def bodies(graph: Any) -> Iterator[tuple[str, Any]]:
    """The nodes of the graph itself and of each function, with a word for where they are."""
    yield "the graph", graph.graph_def.node
    for function in graph.graph_def.library.function:
        yield f"function {function.signature.name}", function.node_def


def _prints_to_a_stream(node: Any) -> bool:
    """The default, where the attribute is missing, is standard error."""
    streams = [entry.value.s for entry in node.attr if entry.key == "output_stream"]
    return all(_STREAMS.fullmatch(stream) for stream in streams)


def _told(refused: Mapping[str, str]) -> str:
    names = sorted(refused)[:_SHOWN]
    shown = [f"{_printable(name)} (in {_printable(refused[name])})" for name in names]
    more = f" and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
    return f"the operation{'s' if len(refused) > 1 else ''} {', '.join(shown)}{more}"


def _printable(text: str) -> str:
    """The start of a name that a model gives, without what a terminal would act on."""
    return "".join(one if one.isprintable() else "?" for one in text[:80])


def _check_assets(folder: str | Path, graph: Any) -> None:
    """The loader joins an asset's name to the model's folder, and opens what comes of it."""
    for asset in assets_of(graph):
        path = PurePosixPath(asset.filename)
        if path.is_absolute() or ".." in path.parts or "://" in asset.filename or not path.parts:
            raise ModelRefused(
                f"{folder} has the asset '{_printable(asset.filename)}', expected the name of a "
                "file in the model's folder of assets",
                edit="the model",
            )
