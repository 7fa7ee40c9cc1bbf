"""Keeps the registry's index of runs, where taxiway/tracking is there: it is an optional part."""

from __future__ import annotations

import logging

from taxiway.config.schema import Config
from taxiway.runners.nodes.events import Event, RunEnded


class RunIndex:
    """A RunObserver that puts a run into the index when it has ended; it comes after the report.

    Args:
      config: the resolved config of the run.
    """

    def __init__(self, config: Config) -> None:
        self._config = config

    def on_event(self, event: Event) -> None:
        """Waits for the end."""
        if isinstance(event, RunEnded):
            index_run(self._config, event.run_id)


def index_run(config: Config, run_id: str) -> None:
    """Puts a run into the index; whatever goes wrong is logged, since no run may fail of it."""
    try:
        from taxiway.tracking.index import index_run as put_into_index
    except ModuleNotFoundError:  # taken away, as a fork may
        return
    try:
        put_into_index(config, run_id)
    except Exception:
        logging.exception("run %s is not in the index; `taxiway runs reindex` mends it", run_id)
