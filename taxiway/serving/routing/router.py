"""Where a request goes: to the version that it names, or to an arm of its model's route.

a version in the path > one in a header or cookie, by hand > the route:
    outside of its audience    the stable version
    an experiment's policy     drawn anew for each request, by what was learnt so far
    else                       by the slot of its key
"""

from __future__ import annotations

import hashlib
from typing import Final, Protocol

from taxiway.delivery.policies.choosers import Chooser
from taxiway.delivery.section import ColumnKey, Key
from taxiway.serving.requests.ask import Ask
from taxiway.serving.routing.choose import Choice, Split, uniform_of
from taxiway.serving.routing.said import cookie, first_row, key_of, meets
from taxiway.serving.routing.table import RoutingTable

VERSION_HEADER: Final = b"x-taxiway-version"
"""Names a version or a label, to look at it by hand."""
VERSION_COOKIE: Final = "taxiway-version"
"""Likewise."""
_LONGEST_KEY: Final = 256
"""Characters of a key as it came; a longer one is known by its hash."""


class PolicyStates(Protocol):
    """What this gateway has last read of what experiments have learnt. For one event loop."""

    def chooser(self, experiment: int) -> Chooser | None:
        """What chooses by it; the same one until the next state. None where there is none yet."""


class Router:
    """Finds the arm of each request. For one event loop.

    Args:
      key: `delivery.key`; None for what every protocol has.
      key_column: `serving.log.key`: says whose a request is, where nothing else does.
      states: of experiments; None where there are none.
    """

    def __init__(
        self, key: Key | None = None, key_column: str = "", states: PolicyStates | None = None
    ) -> None:
        column = ColumnKey(kind="column", name=key_column) if key_column else None
        self._before = key
        self._after = column
        self._states = states

    def choice(self, table: RoutingTable, ask: Ask) -> Choice:
        """The arm, or the version, that a request is for; notes in it whose it is.

        Raises:
          Refusal: NOT_FOUND, with what there is.
        """
        self._note_key(ask)
        if ask.version or ask.label:
            return table.named(ask.model, ask.version, ask.label)
        by_hand = override(ask)
        if by_hand:
            choice = table.overridden(ask.model, by_hand)
            ask.version, ask.overrides = choice.version, True
            return choice
        split = table.split(ask.model)
        return split.alone or self._drawn(split, ask)

    def _drawn(self, split: Split, ask: Ask) -> Choice:
        route = split.route
        if route.audience and not meets(ask, route.audience):
            return split.outside
        policy = route.policy
        if policy is not None and self._states is not None:
            chooser = self._states.chooser(policy.experiment)
            if chooser is not None:
                uniform = uniform_of(policy.experiment, ask.key, ask.request_id)
                choice = split.by_policy(chooser, first_row(ask), uniform)
                if choice is not None:
                    return choice
        return split.by_slot(ask.key or ask.request_id)

    def _note_key(self, ask: Ask) -> None:
        """The config's key first, then the client's own word, then the log's column."""
        found = "" if self._before is None else key_of(ask, self._before)
        if not found and not ask.key and self._after is not None:
            found = key_of(ask, self._after)
        if found:
            ask.key = found if len(found) <= _LONGEST_KEY else _hashed(found)


def override(ask: Ask) -> str:
    """The version or label that a header or cookie names; empty for none."""
    given = ask.headers.get(VERSION_HEADER)
    if given is not None:
        return given.decode(errors="replace").strip()
    return cookie(ask, VERSION_COOKIE)


def _hashed(key: str) -> str:
    return "sha256:" + hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
