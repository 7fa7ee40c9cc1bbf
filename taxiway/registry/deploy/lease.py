"""Holds a queue entry for as long as the work on it takes, however long that is."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from taxiway.errors import TaxiwayError
from taxiway.registry.deploy.queue import DeployQueue, LeaseLost, QueueEntry


@contextlib.contextmanager
def held(queue: DeployQueue, entry: QueueEntry, seconds: float) -> Iterator[None]:
    """Renews an entry's lease from beside while the block runs; gives it back if the block fails.

    Whether it is held still, `DeployQueue.renew` says; a process that stood still may have lost it.

    Args:
      seconds: of a lease; it is renewed three times in each.
    """
    ended = threading.Event()
    thread = threading.Thread(target=_renew, args=(queue, entry, seconds / 3, ended), daemon=True)
    thread.start()
    try:
        yield
    except LeaseLost:
        raise
    except BaseException:
        with contextlib.suppress(TaxiwayError):  # else it lapses
            queue.give_back(entry)
        raise
    finally:
        ended.set()
        thread.join()


def _renew(queue: DeployQueue, entry: QueueEntry, seconds: float, ended: threading.Event) -> None:
    while not ended.wait(seconds):
        try:
            queue.renew(entry)
        except LeaseLost:
            return
        except TaxiwayError:  # a database that is away may be back before the lease is over
            continue
