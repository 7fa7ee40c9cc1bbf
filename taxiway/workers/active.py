"""The workers of this process: chosen once by whoever runs nodes, used by any step."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from taxiway.workers.dask.cluster import DaskWorkers
from taxiway.workers.inline import Inline, InlineWorkers
from taxiway.workers.job import MapFn, Options, ReduceFn, Shard, Workers, WorkersSection
from taxiway.workers.processes import ProcessWorkers, start_server

SMALL_BYTES: Final = 16 << 20
"""Inputs below this are worked through in less time than processes take to start."""


class AutoWorkers(WorkersSection):
    """Inline for small inputs and on one core, processes otherwise."""

    kind: Literal["auto"]

    def start(self) -> Workers:
        """Inline; each job chooses anew, by its size."""
        return Inline()


WorkersConfig = Annotated[
    AutoWorkers | InlineWorkers | ProcessWorkers | DaskWorkers, Field(discriminator="kind")
]
"""The `engine.workers` section: every kind of worker."""


@dataclass
class _Active:
    """How to work, and the workers that were started so far."""

    config: WorkersConfig = field(default_factory=lambda: AutoWorkers(kind="auto"))
    started: dict[str, Workers] = field(default_factory=dict)

    def workers(
        self, shards: Sequence[Shard], own_cores: float, input_bytes: int | None
    ) -> Workers:
        config = self.config
        if isinstance(config, AutoWorkers):
            inline = own_cores >= _cores() or len(shards) < 2
            config = InlineWorkers(kind="inline") if inline else _choose(shards, input_bytes)
        if config.kind not in self.started:
            self.started[config.kind] = config.start()
        return self.started[config.kind]

    def close(self) -> None:
        for workers in self.started.values():
            workers.close()
        self.started.clear()


_active = _Active()


@contextmanager
def working(config: WorkersConfig) -> Iterator[None]:
    """Within it, every job of this process runs as `config` says; its workers end with it."""
    global _active
    before, _active = _active, _Active(config)
    try:
        yield
    finally:
        _active.close()
        _active = before


def prepare(input_bytes: int) -> None:
    """Starts what takes a while to start, in the background, if so much input will want it.

    Args:
      input_bytes: about as much as the shards of the largest step will have.
    """
    config = _active.config
    if isinstance(config, AutoWorkers) and (input_bytes < SMALL_BYTES or _cores() < 2):
        return
    if isinstance(config, AutoWorkers | ProcessWorkers):
        start_server()


def run(
    map_fn: MapFn,
    shards: Sequence[Shard],
    reduce_fn: ReduceFn,
    name: str,
    own_cores: float = 1,
    input_bytes: int | None = None,
) -> bytes:
    """Maps over shards and merges, on the workers that are active; see job.Workers.

    Args:
      map_fn: from a shard to a small result.
      shards: at least one.
      reduce_fn: merges the results in the order of the shards.
      name: of the step, for errors and logs.
      own_cores: how many cores the map function keeps busy by itself, as TensorFlow's graphs do.
        `auto` works inline where this machine has no more, since processes then gain little and
        each has a TensorFlow of its own in memory.
      input_bytes: of all shards, where it does not follow from their URIs.
    """
    limits = _active.config
    options = Options(name, limits.retries, limits.task_seconds, limits.job_seconds)
    return _active.workers(shards, own_cores, input_bytes).run(map_fn, shards, reduce_fn, options)


def _choose(shards: Sequence[Shard], input_bytes: int | None) -> InlineWorkers | ProcessWorkers:
    if input_bytes is None:
        input_bytes = sum({shard.uri: _size(shard.uri) for shard in shards}.values())
    if input_bytes < SMALL_BYTES:
        return InlineWorkers(kind="inline")
    return ProcessWorkers(kind="processes")


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _size(uri: str) -> int:
    """Bytes of a file; one that is not on this machine's disks counts as large."""
    try:
        return Path(uri).stat().st_size
    except OSError:
        return SMALL_BYTES
