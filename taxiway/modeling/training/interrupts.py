"""An interrupt in training waits for the end of a batch: TensorFlow's C++ expects no exception."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

import keras


@contextlib.contextmanager
def between_batches() -> Iterator[Any]:
    """Gives a Keras callback that raises KeyboardInterrupt after the batch a signal came in.

    Python runs a signal's handler wherever it happens to be. An exception out of one that is
    called back by TensorFlow or NumPy can crash the process, which then cleans up nothing.

    Raises:
      KeyboardInterrupt: SIGINT or SIGTERM came and no batch ended after it.
    """
    asked = threading.Event()

    def check(*_: object, **__: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=check)
    if threading.current_thread() is not threading.main_thread():
        yield callback  # only the main thread is interrupted
        return
    before = {
        one: signal.signal(one, lambda *_: asked.set()) for one in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield callback
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    check()
