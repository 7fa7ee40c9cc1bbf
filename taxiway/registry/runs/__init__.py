"""The index of runs: written when one ends, searched by lists, and asked for one by name."""

from taxiway.registry.runs.index import (
    UNFINISHED,
    IndexedRun,
    forget_runs,
    indexed_ids,
    list_runs,
    read_run,
    write_runs,
)

__all__ = [
    "UNFINISHED",
    "IndexedRun",
    "forget_runs",
    "indexed_ids",
    "list_runs",
    "read_run",
    "write_runs",
]
