"""The exit handler of a local run: report and notification, however the run ended."""

from __future__ import annotations

import logging

from taxiway.config.schema import Config
from taxiway.runners.catalog import load_exit_pipeline
from taxiway.runners.local.runner import LocalRunner
from taxiway.runners.nodes.events import Event, RunEnded, RunObserver


class ExitHandler:
    """A RunObserver that runs the exit pipeline when the run has ended.

    Args:
      config: the resolved config of the run.
      observers: of the exit pipeline's own events.
    """

    def __init__(self, config: Config, observers: tuple[RunObserver, ...] = ()) -> None:
        self._config = config
        self._observers = observers
        self.ended: RunEnded | None = None

    def on_event(self, event: Event) -> None:
        """Waits for the end; `ended` is then how the exit pipeline itself went."""
        if not isinstance(event, RunEnded):
            return
        pipeline = load_exit_pipeline()(self._config, event.run_id)
        runner = LocalRunner(self._config, self._observers, in_sequence=True)
        self.ended = runner.run_pipeline(pipeline, f"{event.run_id}-exit")
        if self.ended.failure is not None:
            logging.error("the exit handler failed: %s", self.ended.failure.reason)
