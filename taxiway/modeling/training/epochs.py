"""A Keras callback that tells how far training is, once per epoch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import keras

from taxiway.process.progress import Progress, report


class EpochsDone(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Tells epochs, losses and the time left, which early stopping may cut short.

    Args:
      epochs: how many there are at most.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs = epochs
        self._started = 0.0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Training begins."""
        del logs
        self._started = time.monotonic()
        report(Progress(0, self._epochs, "epochs"))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """An epoch, counted from 0, has ended."""
        done, told = epoch + 1, logs or {}
        seconds = (time.monotonic() - self._started) / done * (self._epochs - done)
        losses = [f"{name} {told[name]:.4f}" for name in ("loss", "val_loss") if name in told]
        left = [f"at most {seconds:,.0f} s left"] if seconds >= 1 else []
        values = {name: float(value) for name, value in told.items()}
        note = ", ".join([*losses, *left])
        report(Progress(done, self._epochs, "epochs", note=note, values=values))
