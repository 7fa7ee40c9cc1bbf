"""Writes every event of a run into its log file, between the lines of TFX, Beam and TensorFlow."""

from __future__ import annotations

import logging
from dataclasses import fields

from taxiway.process.progress import PACE_SECONDS, Pace
from taxiway.runners.nodes.events import Event, NodeProgress, NodeStarted

_LOG = logging.getLogger("taxiway")


class EventLog:
    """A RunObserver that logs each event with its short fields, and progress now and then."""

    def __init__(self, pace_seconds: float = PACE_SECONDS) -> None:
        self._pace_seconds = pace_seconds
        self._pace: dict[str, Pace] = {}

    def on_event(self, event: Event) -> None:
        """Logs one line, or none."""
        if isinstance(event, NodeStarted):
            self._pace[event.node_id] = Pace(self._pace_seconds)
        if isinstance(event, NodeProgress):
            if event.node_id in self._pace and self._pace[event.node_id].due():
                _LOG.info("%s is at %s", event.node_id, event.progress.text)
            return
        values = {
            item.name: getattr(event, item.name) for item in fields(event) if item.name != "record"
        }
        text = " ".join(f"{name}={value!r}" for name, value in values.items())
        _LOG.info("%s %s", type(event).__name__, text)
