"""The decisions of one model that a gateway remembers, for rewards to be joined to: the newest."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from taxiway.serving.delivering.measuring.meter import Where

MOST_OF_A_KEY: Final = 100
"""Decisions of one key that are found by it: the newest."""


@dataclass(slots=True, eq=False)
class Decided:
    """A decision.

    Args:
      request_id: of the request.
      where: whose request it was; None where another arm answered in its place, so that its reward
        says nothing of either.
      at: when, in seconds since the epoch.
      digest: of its key, see `key_digest`; empty where it has none.
      context: what the policy of an experiment learns from it by; None where there is no policy.
      rewards: by name, what came of it and when that was, in microseconds since the epoch.
    """

    request_id: str
    where: Where | None
    at: float
    digest: str
    context: Any
    rewards: dict[str, tuple[float, int]] | None = None


class Remembered:
    """Bounded by number and by age. For one event loop.

    Args:
      most: decisions.
      seconds: for which one is remembered.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._by_id: dict[str, Decided] = {}
        self._by_key: dict[str, list[Decided]] = {}
        # the first key of a dict whose first ones were removed is found by looking at them all
        self._by_age: deque[Decided] = deque()

    def __len__(self) -> int:
        return len(self._by_age)

    def add(self, decided: Decided) -> None:
        """Remembers one; of two with the same id, the later is found."""
        self._by_id[decided.request_id] = decided
        self._by_age.append(decided)
        if decided.digest:
            of_key = self._by_key.setdefault(decided.digest, [])
            of_key.append(decided)
            if len(of_key) > MOST_OF_A_KEY:
                del of_key[0]
        if len(self._by_age) > self._most:
            self._forget_oldest()

    def of_request(self, request_id: str) -> Decided | None:
        """By the request's id."""
        return self._by_id.get(request_id)

    def of_key(self, digest: str, since: float, until: float) -> list[Decided]:
        """Those of a key that were made between two times, in seconds since the epoch."""
        return [one for one in self._by_key.get(digest, ()) if since <= one.at <= until]

    def tidy(self, now: float) -> None:
        """Forgets what is too old."""
        while self._by_age and self._by_age[0].at < now - self._seconds:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        decided = self._by_age.popleft()
        if self._by_id.get(decided.request_id) is decided:
            del self._by_id[decided.request_id]
        of_key = self._by_key.get(decided.digest, [])
        if of_key and of_key[0] is decided:  # else it was one too many of its key
            del of_key[0]
            if not of_key:
                del self._by_key[decided.digest]


def key_digest(model: str, key: str) -> str:
    """What stands for a key where it is kept beside the log, which is not erased there."""
    text = f"{model}\0{key}".encode(errors="surrogatepass")
    return blake2b(text, digest_size=16).hexdigest()
