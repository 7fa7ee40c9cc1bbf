"""Writes every event of a run into its log file, between the lines of TFX, Beam and TensorFlow."""

from __future__ import annotations

import logging
from dataclasses import fields

from taxiway.runners.nodes.events import Event

_LOG = logging.getLogger("taxiway")


class EventLog:
    """A RunObserver that logs each event with its short fields."""

    def on_event(self, event: Event) -> None:
        """Logs one line."""
        values = {
            item.name: getattr(event, item.name) for item in fields(event) if item.name != "record"
        }
        text = " ".join(f"{name}={value!r}" for name, value in values.items())
        _LOG.info("%s %s", type(event).__name__, text)
