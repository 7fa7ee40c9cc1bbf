"""Container components run in the background: this process only waits for them.

Other nodes stay in the main thread, since an interrupt reaches only that, and Python runs one at a
time; what is slow in them spreads over the cores by itself. So a container component starts in a
thread as soon as its inputs are there, and whoever needs its outputs waits for it. A node that
declares itself `alone` waits for all of them.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from tfx.proto.orchestration import executable_spec_pb2

from taxiway.runners.nodes.ir import CompiledNode


class Background:
    """Starts container components as soon as what they wait for has ended, each in a thread.

    Only the threads are not the main one: every method is called from that.

    Args:
      nodes: of the whole run.
      launch: runs a node to its end, and raises where it fails.
    """

    def __init__(
        self, nodes: Sequence[CompiledNode], launch: Callable[[CompiledNode], None]
    ) -> None:
        self._nodes = {node.id: node for node in nodes if _is_container(node)}
        self._launch = launch
        self._ended: set[str] = set()
        self._running: dict[str, Future[None]] = {}
        self._pool = ThreadPoolExecutor(max(1, len(self._nodes)))

    def node_ended(self, node_id: str) -> None:
        """A node has ended well, or was skipped; starts those that waited for it."""
        self._ended.add(node_id)
        for waiting in self._nodes.values():
            if self._ended.issuperset(waiting.upstream):
                self.start(waiting)

    def start(self, node: CompiledNode) -> bool:
        """Starts a container component, once; False for any other node, which runs elsewhere."""
        if node.id in self._nodes and node.id not in self._running:
            self._running[node.id] = self._pool.submit(self._launch, node)
        return node.id in self._nodes

    def wait_for(self, node: CompiledNode) -> None:
        """Waits for those that the node needs; raises what one of them raised."""
        if node.declared.alone:
            concurrent.futures.wait(self._running.values())
        for upstream in node.upstream:
            if upstream in self._running:
                self._running[upstream].result()

    def close(self) -> None:
        """Waits for all that was started, however it ends."""
        self._pool.shutdown(wait=True)


def _is_container(node: CompiledNode) -> bool:
    return isinstance(node.executor_spec, executable_spec_pb2.ContainerExecutableSpec)
