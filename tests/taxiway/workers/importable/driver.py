"""A process of its own that runs one job: `driver.py CONFIG_JSON FOLDER FUNCTION SHARDS`."""

from __future__ import annotations

import sys
from functools import partial

import shard_functions
from pydantic import TypeAdapter

from taxiway.workers import active, processes
from taxiway.workers.active import WorkersConfig
from taxiway.workers.job import Shard


def main(config: str, folder: str, function: str, shards: str) -> None:
    processes.PRELOADED = ()  # type: ignore[misc]  # nothing of TensorFlow is needed here
    map_fn = partial(getattr(shard_functions, function), folder)
    with active.working(TypeAdapter(WorkersConfig).validate_json(config)):
        given = [Shard("file", number) for number in range(int(shards))]
        sys.stdout.buffer.write(active.run(map_fn, given, shard_functions.joined, "Job"))


if __name__ == "__main__":
    main(*sys.argv[1:])
