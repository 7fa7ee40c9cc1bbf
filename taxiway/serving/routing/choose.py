"""Which arm a request goes to: the same one for the same key, for as long as it can."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

from taxiway.registry.routes.route import SLOTS, Arm, Route


class Choice(NamedTuple):  # one is made for every request, in a quarter of a dataclass's time
    """The arm that a request goes to.

    Args:
      arm: its name.
      version: its name in the registry.
      number: of TensorFlow Serving's layout.
      place: folder that it is loaded from.
      propensity: probability with which a key that is not known yet gets this arm.
    """

    arm: str
    version: str
    number: int
    place: str
    propensity: float


def choose(route: Route, key: str, request_id: str) -> Choice:
    """The arm of a request that names no version.

    Args:
      route: of the model.
      key: whose the request is; the same one gets the same arm until a move takes its slot.
      request_id: goes for the key where there is none.
    """
    if len(route.arms) == 1:
        return chosen(route.stable)
    arm = route.arm_at(slot(route, key or request_id))
    return chosen(arm, arm.share)


def chosen(arm: Arm, propensity: float = 1.0) -> Choice:
    """An arm that is certain, or has been drawn."""
    return Choice(arm.name, arm.version, arm.number, arm.place, propensity)


def slot(route: Route, key: str) -> int:
    """Where a key falls: evenly over all slots, and independently for each model and salt."""
    text = "\0".join((route.model, route.salt, key)).encode(errors="surrogatepass")
    drawn = int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
    return drawn * SLOTS >> 64
