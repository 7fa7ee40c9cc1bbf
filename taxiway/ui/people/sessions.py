"""Sessions of browsers: a random name in a cookie, who logged in with it, and what proves a form.

The names are this process's own and end with it. A form carries an HMAC of the name, so that no
other site can fill one in for whoever has the cookie; whoever logs in gets a new name, so that none
which somebody else has planted is ever worth anything.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from taxiway.registry.auth.actor import Actor

MOST: Final = 1_000
"""Browsers that are logged in at once; the one that logged in first has to do so again."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True)
class Session:
    """A browser.

    Args:
      name: what its cookie says.
      proof: what its forms carry.
      actor: who logged in with it; None where nobody has.
      is_new: its browser does not have the cookie yet.
    """

    name: str = field(repr=False)
    proof: str = field(repr=False)
    actor: Actor | None = None
    is_new: bool = False

    def proves(self, text: str) -> bool:
        """Whether a form is this browser's own."""
        return hmac.compare_digest(text.encode(), self.proof.encode())


class Sessions:
    """Those of one event loop.

    Args:
      seconds: how long a login holds.
      clock: in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._key = secrets.token_bytes(32)
        self._logged_in: dict[str, tuple[Actor, float]] = {}

    def of(self, cookie: str) -> Session:
        """The session that a cookie names, or a new one.

        Args:
          cookie: its value; empty where there is none.
        """
        if not _NAME.fullmatch(cookie):
            name = secrets.token_urlsafe(32)
            return Session(name, self._proof(name), is_new=True)
        return Session(cookie, self._proof(cookie), self._actor(cookie))

    def log_in(self, actor: Actor) -> Session:
        """A new session of someone whose token was good."""
        name = secrets.token_urlsafe(32)
        if len(self._logged_in) >= MOST:
            del self._logged_in[next(iter(self._logged_in))]
        self._logged_in[name] = actor, self._clock() + self._seconds
        return Session(name, self._proof(name), actor, is_new=True)

    def log_out(self, name: str) -> None:
        """Ends one, if there is such a one."""
        self._logged_in.pop(name, None)

    def _actor(self, name: str) -> Actor | None:
        known = self._logged_in.get(name)
        if known is None:
            return None
        actor, until = known
        if self._clock() < until:
            return actor
        del self._logged_in[name]
        return None

    def _proof(self, name: str) -> str:
        return hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()
