"""A signal in training ends it between two batches, and only there."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import keras
import numpy as np
import pytest

from taxiway.modeling.training.interrupts import between_batches

pytestmark = pytest.mark.pipeline


def fit(*callbacks: Any, batches: int = 50) -> None:
    network = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    network.compile(loss="mse", jit_compile=False)
    rows = np.zeros((batches, 1), np.float32)
    network.fit(rows, rows, batch_size=1, epochs=1, verbose=0, callbacks=list(callbacks))


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_training_after_the_batch_it_came_in(sent: signal.Signals) -> None:
    finished: list[int] = []

    def on_batch_begin(batch: int, logs: object) -> None:
        if batch == 7:
            os.kill(os.getpid(), sent)
            finished.append(batch)  # nothing is raised in the middle of the batch

    before = signal.getsignal(sent)
    with pytest.raises(KeyboardInterrupt), between_batches() as interrupts:
        fit(
            interrupts,
            keras.callbacks.LambdaCallback(
                on_train_batch_begin=on_batch_begin,
                on_train_batch_end=lambda batch, logs: finished.append(batch),
            ),
        )
    assert finished == [0, 1, 2, 3, 4, 5, 6, 7]
    assert signal.getsignal(sent) is before


def test_a_signal_after_the_last_batch_is_not_lost() -> None:
    def train() -> None:
        with between_batches() as interrupts:
            fit(interrupts)
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        train()


def test_elsewhere_than_in_the_main_thread_it_does_nothing() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def train() -> None:
        with between_batches() as interrupts:
            fit(interrupts, batches=2)
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert seen == [before]
