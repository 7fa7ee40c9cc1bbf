"""Waits for an event for some time, without ever losing a cancellation.

`asyncio.wait_for` of Python before 3.12 loses one that comes at the moment of the event, so that
whoever cancelled waits for ever (https://github.com/python/cpython/issues/86296).
"""

from __future__ import annotations

import asyncio


async def happens(event: asyncio.Event, seconds: float) -> bool:
    """Waits so long at most; whether the event is set."""
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait([waiting], timeout=max(0.0, seconds))
    finally:
        waiting.cancel()
    return event.is_set()
