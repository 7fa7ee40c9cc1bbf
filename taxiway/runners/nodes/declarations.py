"""What a component declares to whoever runs it, beside TFX's own spec.

A runner asks here and knows no component by name. What TFX's types say already is not said again:
a node gives metrics where one of its outputs is a ModelEvaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from taxiway.metadata.records import NodeRecord

T = TypeVar("T", bound=type)
Lost = Callable[[Sequence[NodeRecord], Mapping[str, Any]], str]
"""From the records of an earlier run and the node's parameters to what is lost, if anything."""

_ATTRIBUTE: Final = "taxiway_declaration"


@dataclass(frozen=True)
class Declaration:
    """What runners need to know of a component."""

    never_cached: bool = False
    """What it makes is outside of the pipeline, where TFX's cache does not look. It runs in every
    run, and finds by itself what is there already."""
    alone: bool = False
    """It measures time, so nothing else may run on the machine beside it."""
    needs_files: str = ""
    """Why it cannot work where artifacts are in a bucket; empty where it can."""
    lost: Lost | None = None
    """Says what is no longer there, or no longer right, of what an earlier run of it made outside
    of the pipeline. A run in which nothing else is new is not taken for unchanged then."""
    delivers: bool = False
    """It hands a model over to what is outside of the pipeline. A run that only tries something, as
    those of a sweep do, leaves it out."""


def declare(
    *,
    never_cached: bool = False,
    alone: bool = False,
    needs_files: str = "",
    lost: Lost | None = None,
    delivers: bool = False,
) -> Callable[[T], T]:
    """A decorator for a component class or, where the component is a stock one, its executor.

    Above `@component` it serves Python-function components too:

        @declare(needs_files="it opens findings as local files")
        @component
        def DataGate(...): ...
    """
    declaration = Declaration(never_cached, alone, needs_files, lost, delivers)

    def decorate(thing: T) -> T:
        spec = getattr(thing, "EXECUTOR_SPEC", None)
        setattr(spec.executor_class if spec else thing, _ATTRIBUTE, declaration)
        return thing

    return decorate


def declaration_of(executor_class: Any) -> Declaration:
    """What the component of this executor has declared; the defaults where it said nothing."""
    found = getattr(executor_class, _ATTRIBUTE, None)
    return found if isinstance(found, Declaration) else Declaration()
