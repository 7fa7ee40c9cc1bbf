"""Puts a run on record, where taxiway/tracking is there: it is an optional part.

What can be known when a run starts is on record then, so that one that is killed has it too.
Nothing that goes wrong here costs a run.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from taxiway.config.schema import Config
from taxiway.runners.nodes.events import (
    Event,
    NodeCached,
    NodeFailed,
    NodeFinished,
    NodeSkipped,
    NodeStarted,
    RunEnded,
    RunStarted,
)

KUBEFLOW: Final = "kubeflow"
"""As the record names the runner."""


class RunRecorder:
    """A RunObserver that records a run's end; it comes after the report, and before the index.

    Args:
      config: the resolved config of the run.
      run_id: the run; of events of another, as of its exit pipeline, only where it is counts.
      say: is told where the run is, as in `in Trainer`.
    """

    def __init__(
        self, config: Config, run_id: str, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self._config = config
        self._run_id = run_id
        self._say = say
        self._order: Sequence[str] = ()
        self._skipped: dict[str, str] = {}
        self._at_work: dict[str, None] = {}
        self.has_ended = False

    def on_event(self, event: Event) -> None:
        """Notes where the run is, and why nodes are skipped; records the end."""
        if isinstance(event, NodeStarted):
            self._at_work[event.node_id] = None
            self._say(f"in {', '.join(self._at_work)}")
        elif isinstance(event, NodeCached | NodeFinished | NodeFailed):
            self._at_work.pop(event.node_id, None)
            self._say(
                f"in {', '.join(self._at_work)}" if self._at_work else f"after {event.node_id}"
            )
        if event.run_id != self._run_id:
            return
        if isinstance(event, RunStarted):
            self._order = event.nodes
        elif isinstance(event, NodeSkipped):
            self._skipped[event.node_id] = event.reason
        elif isinstance(event, RunEnded):
            failed = event.failure
            reason = f"{failed.node_id}: {failed.reason}" if failed else ""
            self.end(event.outcome.value, reason)

    def end(self, outcome: str, reason: str) -> None:
        """Records how the run ended."""
        self.has_ended = True
        record_ended(self._config, self._run_id, outcome, reason, self._order, self._skipped)


@contextlib.contextmanager
def recorded(config: Config, run_id: str, properties: Mapping[str, Any]) -> Iterator[RunRecorder]:
    """Puts a local run on record at once; and its end, where that is before any node.

    Args:
      config: the resolved config.
      run_id: the run, whose folder is there.
      properties: of the run: its command, and where it comes from.

    Yields:
      What observes the run.
    """
    folder = Path(config.output.report_folder(run_id))
    with _marked(folder) as say:
        recorder = RunRecorder(config, run_id, say)
        _begin(config, run_id, properties)
        try:
            yield recorder
        except BaseException as error:
            if not recorder.has_ended:
                from taxiway.runners.nodes.results import describe_error, error_kind

                recorder.end(error_kind(error).value, describe_error(error)[0])
            raise


def record_ended(
    config: Config,
    run_id: str,
    outcome: str = "",
    reason: str = "",
    order: Sequence[str] = (),
    skipped: Mapping[str, str] | None = None,
    runner: str = "local",
) -> None:
    """Puts the end of a run on record; whatever goes wrong is logged.

    Args:
      config: the resolved config of the run.
      run_id: the run.
      outcome: how it ended; empty where ML Metadata says it.
      reason: node and cause, likewise.
      order: every node, in the order in which they may start.
      skipped: why a node did not run, by node.
      runner: local or kubeflow.
    """
    try:
        from taxiway.tracking.recording.collect import Ending
        from taxiway.tracking.recording.writing import record_end
    except ModuleNotFoundError:  # taken away, as a fork may
        return
    try:
        record_end(config, run_id, Ending(outcome, reason, order, skipped or {}), runner)
    except Exception:
        logging.exception("the end of run %s is not on record", run_id)


def record_killed(config: Config, run_id: str, runner: str = "local") -> None:
    """Puts the end of a run that died on record; whatever goes wrong is logged.

    Args:
      config: of a run that shares its store.
      run_id: the dead run.
      runner: local or kubeflow.
    """
    try:
        from taxiway.tracking.recording.writing import record_dead
    except ModuleNotFoundError:
        return
    try:
        record_dead(config, run_id, runner)
    except Exception:
        logging.exception("the death of run %s is not on record", run_id)


def _begin(config: Config, run_id: str, properties: Mapping[str, Any]) -> None:
    try:
        from taxiway.tracking.recording.writing import record_begin
    except ModuleNotFoundError:
        return
    try:
        record_begin(config, run_id, properties)
    except Exception:
        logging.exception("the beginning of run %s is not on record", run_id)


@contextlib.contextmanager
def _marked(folder: Path) -> Iterator[Callable[[str], None]]:
    """Marks the run as under way; gives who is told where it is."""
    try:
        from taxiway.tracking.under_way import running
    except ModuleNotFoundError:
        yield lambda _: None
        return
    with running(folder) as mark:
        yield mark.at if mark else lambda _: None
