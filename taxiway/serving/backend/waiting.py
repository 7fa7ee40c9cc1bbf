"""Requests that wait for a version: in which order, how many, and how long."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from taxiway.serving.requests.ask import Arrays, Ask


@dataclass(eq=False)
class Waiting:
    """A request that is not answered, or not wholly.

    Args:
      ask: the request.
      future: of its answer.
      alone: whether it is to share a call with no other.
    """

    ask: Ask
    future: asyncio.Future[Arrays]
    alone: bool = False
    start: int = 0
    """Rows before it have been asked."""
    answers: list[Arrays] = field(default_factory=list)
    """Of the rows that have been asked, in order."""

    @property
    def left(self) -> int:
        """Rows that are still to be asked."""
        return self.ask.rows - self.start


@dataclass(frozen=True)
class Part:
    """Rows of one request, to be asked in one call."""

    of: Waiting
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """How many."""
        return self.stop - self.start


class Queue:
    """Requests in the order that they came in; a large one is asked a part at a time, in turns.

    Requests of columns and of examples go to different signatures, so each have a line of their
    own, and take turns where both wait.
    """

    def __init__(self) -> None:
        self.rows = 0
        """That wait, of all requests."""
        self._lines: deque[deque[Waiting]] = deque((deque(), deque()))
        self._columns, self._examples = self._lines

    def __len__(self) -> int:
        return len(self._columns) + len(self._examples)

    def put(self, waiting: Waiting) -> None:
        """Takes in a request."""
        (self._examples if waiting.ask.columns is None else self._columns).append(waiting)
        self.rows += waiting.left

    def take(self, most: int) -> list[Part]:
        """The next that go together: at most so many rows, of one request at least."""
        self._lines.rotate(1)
        line = next((one for one in self._lines if one), None)
        if line is None:
            return []
        parts: list[Part] = []
        room = most
        while line and (not parts or (line[0].left <= room and not line[0].alone)):
            waiting = line.popleft()
            stop = waiting.start + min(waiting.left, most)
            parts.append(Part(waiting, waiting.start, stop))
            room -= stop - waiting.start
            self.rows -= stop - waiting.start
            waiting.start = stop
            if waiting.left:
                line.append(waiting)  # behind those that came meanwhile
            if waiting.alone or room <= 0:
                break
        return parts

    def remove(self, before: float) -> list[Waiting]:
        """Takes out those whose deadline is before a time, and those that no one waits for."""
        gone: list[Waiting] = []
        for line in (self._columns, self._examples):
            for _ in range(len(line)):
                waiting = line.popleft()
                if waiting.future.done() or waiting.ask.deadline <= before:
                    gone.append(waiting)
                    self.rows -= waiting.left
                else:
                    line.append(waiting)
        return gone
