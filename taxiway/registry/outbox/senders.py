"""Who sends which kind of message: a new kind is a function and a line in SENDERS."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from taxiway.errors import TaxiwayError
from taxiway.notify import parse

NOTIFY: Final = "notify"
Sender = Callable[[Mapping[str, Any], Mapping[str, Any]], None]
"""Takes target and payload; raises where the payload was not delivered, or may not have been."""


class ReceiverAway(TaxiwayError):  # noqa: N818  # nothing is wrong with the message
    """No message to this target can be sent now: who drains does not try the next of them."""


def _notify(target: Mapping[str, Any], message: Mapping[str, Any]) -> None:
    """To whom a `notify` section names; the message's `id` is what its receiver knows it by."""
    parse(json.dumps(target)).send(message)


SENDERS: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], None]]] = {
    NOTIFY: _notify,
}
"""By `kind` of a message."""
