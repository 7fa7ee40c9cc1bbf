"""Mirrors runs to another system, where taxiway/tracking is there: it is an optional part."""

from __future__ import annotations

import logging

from taxiway.config.schema import Config
from taxiway.runners.nodes.events import Event, RunEnded


class RunMirror:
    """A RunObserver that has a run mirrored when it has ended; it comes after the record.

    Args:
      config: the resolved config of the run.
    """

    def __init__(self, config: Config) -> None:
        self._config = config

    def on_event(self, event: Event) -> None:
        """Waits for the end."""
        if isinstance(event, RunEnded):
            mirror_ended(self._config, event.run_id)


def mirror_ended(config: Config, run_id: str, at_once: bool = True) -> None:
    """Has a run mirrored; whatever goes wrong is logged, since no run may fail of it.

    Args:
      config: of the run, or of one that shares its registry.
      run_id: the run.
      at_once: not by whoever mirrors a run next.
    """
    try:
        from taxiway.tracking.mlflow.post import mirror_run
    except ModuleNotFoundError:  # taken away, as a fork may
        return
    try:
        mirror_run(config, run_id, at_once)
    except Exception:
        logging.exception("run %s is not mirrored", run_id)
