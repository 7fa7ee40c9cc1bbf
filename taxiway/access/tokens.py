"""Bearer tokens on the hot path: the registry's, looked up once and then believed for a while.

A request whose token was found good in the last seconds costs a hash and a look into a dictionary.
Every other asks the registry, in a thread of its own kind: tokens whose secret was verified before
are only looked up (were they revoked?), and what nobody has seen waits in a short line, since
argon2 takes 0.1 s of a core on purpose. So a flood of guesses keeps out nobody who has a token.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from taxiway.access.refusal import Code, Refusal
from taxiway.errors import TaxiwayError
from taxiway.registry.auth.actor import Actor, NotAllowed
from taxiway.registry.auth.tokens import PATTERN, actor_of
from taxiway.registry.database.session import Database

_LOG: Final = logging.getLogger(__name__)
BELIEVED_SECONDS: Final = 10.0
"""Within which one that was revoked is refused everywhere."""
STALE_SECONDS: Final = 600.0
"""How long a token that was good is believed while the registry cannot be asked."""
ANSWER_SECONDS: Final = 1.0
"""How long the registry may take before a token that was good is believed without it."""
MOST_WAITING: Final = 16
"""Tokens that nobody has seen, in line to be verified; others are refused with 429."""
MOST_KNOWN: Final = 1_024
_SCHEME: Final = b"bearer "
_EXPECTED: Final = "expected the header `Authorization: Bearer` with a token of this registry"


@dataclass
class _Known:
    """A token that was good when it was last looked up."""

    actor: Actor
    checked: float


class BearerTokens:
    """The registry's tokens, for one event loop.

    Args:
      database: the registry.
      clock: seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._clock = database, clock
        self._known: dict[bytes, _Known] = {}
        self._asked: dict[bytes, asyncio.Task[Actor]] = {}
        self._new = ThreadPoolExecutor(1, thread_name_prefix="tokens-new")
        self._seen = ThreadPoolExecutor(1, thread_name_prefix="tokens-seen")
        self._waiting = 0

    def remembered(self, authorization: bytes) -> Actor | None:
        """Whose token it is, if that was looked up just now; costs about a microsecond.

        Args:
          authorization: the header as it came; empty where none did.
        """
        known = self._known.get(hashlib.sha256(authorization).digest())
        if known is None or self._clock() - known.checked > BELIEVED_SECONDS:
            return None
        return known.actor

    async def actor(self, authorization: bytes) -> Actor:
        """Whose token it is.

        Raises:
          Refusal: UNAUTHENTICATED, there is none or it cannot be used; BUSY, too many that nobody
            has seen are waiting; UNAVAILABLE, the registry cannot be asked. Its text is in none.
        """
        found = self.remembered(authorization)
        if found is not None:
            return found
        if not authorization:
            raise Refusal(Code.UNAUTHENTICATED, f"no token was given: {_EXPECTED}")
        text = authorization[len(_SCHEME) :].strip().decode("latin-1")
        if authorization[: len(_SCHEME)].lower() != _SCHEME or not PATTERN.fullmatch(text):
            raise Refusal(
                Code.UNAUTHENTICATED, f"received something else than a token: {_EXPECTED}"
            )
        digest = hashlib.sha256(authorization).digest()
        known = self._known.get(digest)
        task = self._asked.get(digest)
        if task is None:
            if known is None and self._waiting >= MOST_WAITING:
                raise Refusal(
                    Code.BUSY, "too many tokens wait to be verified", retry_after=ANSWER_SECONDS
                )
            self._waiting += known is None
            task = asyncio.create_task(self._ask(digest, text, known is None))
            self._asked[digest] = task
            task.add_done_callback(lambda done: self._ended(digest, done))
        try:
            wait = ANSWER_SECONDS if known else None
            return await asyncio.wait_for(asyncio.shield(task), wait)
        except NotAllowed as error:
            raise Refusal(Code.UNAUTHENTICATED, f"{_plain(error)}: {_EXPECTED}") from None
        except (asyncio.TimeoutError, TaxiwayError):
            if known and self._clock() - known.checked <= STALE_SECONDS:
                return known.actor
            raise Refusal(Code.UNAVAILABLE, "tokens cannot be verified now") from None

    def close(self) -> None:
        """Ends the threads; what is being looked up is not waited for."""
        for pool in (self._new, self._seen):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, digest: bytes, text: str, new: bool) -> Actor:
        try:
            pool = self._new if new else self._seen
            found = await asyncio.get_running_loop().run_in_executor(pool, self._look_up, text)
        except NotAllowed:
            self._known.pop(digest, None)
            raise
        finally:
            self._waiting -= new
        if len(self._known) >= MOST_KNOWN:  # the one that has not been used for the longest time
            del self._known[min(self._known, key=lambda key: self._known[key].checked)]
        self._known[digest] = _Known(found, self._clock())
        return found

    def _look_up(self, text: str) -> Actor:
        with self._database.reading() as connection:
            return actor_of(connection, text)

    def _ended(self, digest: bytes, task: asyncio.Task[Actor]) -> None:
        self._asked.pop(digest, None)
        if task.cancelled():
            return
        error = task.exception()  # taken, whoever still waits for it
        if error is not None and not isinstance(error, NotAllowed):
            _LOG.warning("a token could not be looked up: %s", type(error).__name__)


def _plain(error: NotAllowed) -> str:
    """What is wrong with a token, without the environment's variable that the registry names."""
    return error.message.partition("\n")[0]
