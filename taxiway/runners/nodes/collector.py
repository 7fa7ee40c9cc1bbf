"""The nodes that a pipeline's wiring makes, so that none has to be listed a second time."""

from __future__ import annotations

from typing import Any

from tfx.dsl.context_managers import dsl_context_registry


class NodeCollector:
    """Made before the first node of a pipeline; has those that were made since.

    TFX registers each node as it is made. What an earlier pipeline left there, as where its wiring
    failed, is not among them.
    """

    def __init__(self) -> None:
        self._registry = dsl_context_registry.get()
        self._before = {id(node) for node in self._registry.all_nodes}

    def nodes(self) -> list[Any]:
        """The nodes made since, in the order in which they were made."""
        return [node for node in self._registry.all_nodes if id(node) not in self._before]
