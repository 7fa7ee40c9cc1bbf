"""Taxiway's side: `taxiway run` as users start it, with one observer more."""

from __future__ import annotations

from benchmarks.measure import Recorder
from taxiway.config.schema import Config
from taxiway.errors import EXIT_OK, TaxiwayError
from taxiway.runners.local.run import run_pipeline
from taxiway.runners.nodes.events import (
    Event,
    NodeCached,
    NodeFailed,
    NodeFinished,
    NodeSkipped,
    NodeStarted,
)


def run(config: Config, recorder: Recorder) -> None:
    """Runs the whole training pipeline, exit handler and report included.

    Raises:
      TaxiwayError: the run failed, or a node of it did not run.
    """
    watch = _Watch(recorder)
    code = run_pipeline(config, "python -m benchmarks", observers=(watch,))
    if code != EXIT_OK or watch.idle:
        why = f"these nodes did no work: {', '.join(watch.idle)}" if watch.idle else "a node failed"
        raise TaxiwayError(f"Taxiway's run is not whole, {why}", edit="the run's log")


class _Watch:
    """A RunObserver that reports each node to the recorder, and keeps those that did not run."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.idle: list[str] = []

    def on_event(self, event: Event) -> None:
        """Called by the runner."""
        if isinstance(event, NodeStarted):
            self._recorder.start(event.node_id)
        elif isinstance(event, NodeFinished | NodeFailed | NodeCached):
            self._recorder.end(event.node_id)
        if isinstance(event, NodeCached | NodeSkipped):
            self.idle.append(event.node_id)
