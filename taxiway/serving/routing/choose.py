"""Which arm a request goes to: the same one for the same key, for as long as it can."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

from taxiway.delivery.evidence.records import AUDIENCE, OTHERS, Segment
from taxiway.delivery.policies.choosers import Chooser
from taxiway.registry.routes.route import SLOTS, Arm, Route
from taxiway.serving.requests.ask import NAMED, OUTSIDE, OVERRIDE, SINGLE, WEIGHTS


class Choice(NamedTuple):  # one is made for each request that is no arm's: cheaper than a dataclass
    """The arm that a request goes to.

    Args:
      arm: its name.
      version: its name in the registry.
      number: of TensorFlow Serving's layout.
      place: folder that it is loaded from.
      propensity: probability with which a key that is not known yet gets this arm.
      policy: what chose it; see `Answer.policy`.
      propensities: of the route's arms, by version; they sum to 1.
      revision: of the route.
      segment: whether the request is of the route's audience, or of the others.
      experiment: id of the one whose policy chose; 0 for none.
    """

    arm: str
    version: str
    number: int
    place: str
    propensity: float
    policy: str
    propensities: Mapping[str, float]
    revision: int
    segment: Segment = AUDIENCE
    experiment: int = 0

    @property
    def is_drawn(self) -> bool:
        """Whether the route chose it, so that it tells something of the arms."""
        return self.policy not in (NAMED, OVERRIDE)


class Split:
    """How one route splits traffic; made once for each, so that a choice makes nothing anew."""

    def __init__(self, route: Route) -> None:
        self.route = route
        shares = dict.fromkeys((arm.version for arm in route.arms), 0.0)
        for arm in route.arms:  # a version may be two: one on trial that stands in for the stable
            shares[arm.version] += arm.share
        is_whole = not route.audience and SLOTS in (arm.slots for arm in route.arms)
        policy = SINGLE if is_whole else WEIGHTS
        self._by_slot = {
            arm.name: _choice(route, arm, arm.share, policy, shares) for arm in route.arms
        }
        self.alone = (
            self._by_slot[route.stable.name]
            if len(route.arms) == 1 and not route.audience and route.policy is None
            else None
        )
        """The choice for all requests; None where it takes a look at them."""

    def by_slot(self, key: str) -> Choice:
        """The arm whose slot a key falls into."""
        if len(self.route.arms) == 1:
            return self._by_slot[self.route.stable.name]
        return self._by_slot[self.route.arm_at(slot(self.route, key)).name]

    @cached_property
    def outside(self) -> Choice:
        """The stable version, for a request outside of the audience."""
        return self.certain(self.route.stable, OUTSIDE)._replace(segment=OTHERS)

    def by_policy(
        self, chooser: Chooser, context: Mapping[str, Any], uniform: float
    ) -> Choice | None:
        """The arm that an experiment's policy draws.

        Args:
          chooser: of the policy's state.
          context: columns of the request.
          uniform: of [0, 1); see `uniform_of`.

        Returns:
          None where the state is not of the arms that the route has, as when one has just come.
        """
        policy = self.route.policy
        drawn = chooser.choose(context, uniform)
        arm = self._by_version.get(drawn.arm)
        if policy is None or arm is None or drawn.propensities.keys() != self._by_version.keys():
            return None
        choice = _choice(
            self.route, arm, drawn.propensity, str(policy.policy["kind"]), drawn.propensities
        )
        return choice._replace(experiment=policy.experiment)

    def certain(self, arm: Arm, policy: str) -> Choice:
        """An arm that is not drawn."""
        propensities = dict.fromkeys(self._by_version, 0.0) | {arm.version: 1.0}
        return _choice(self.route, arm, 1.0, policy, propensities)

    @cached_property
    def _by_version(self) -> dict[str, Arm]:
        return {arm.version: arm for arm in reversed(self.route.arms)}


def _choice(
    route: Route, arm: Arm, propensity: float, policy: str, propensities: Mapping[str, float]
) -> Choice:
    return Choice(
        arm.name,
        arm.version,
        arm.number,
        arm.place,
        propensity,
        policy,
        propensities,
        route.revision,
    )


def slot(route: Route, key: str) -> int:
    """Where a key falls: evenly over all slots, and independently for each model and salt."""
    return _drawn(route.model, route.salt, key) * SLOTS >> 64


def uniform_of(experiment: int, key: str, request_id: str) -> float:
    """The number of [0, 1) by which an experiment's policy draws; the log has all it is made of.

    Args:
      experiment: its id.
      key: whose the request is; empty where that is not known.
      request_id: of the request: one that is sent again gets the same arm.
    """
    return (_drawn(str(experiment), key, request_id) >> 11) * 2.0**-53


def is_mirrored(route: Route, request_id: str) -> bool:
    """Whether a request is of those that are copied; independent of its slot."""
    mirror = route.mirror
    if mirror is None:
        return False
    drawn = _drawn(route.model, route.salt, "mirror", request_id)
    return drawn < mirror.share * 2.0**64


def _drawn(*parts: str) -> int:
    """64 bits that are even for different texts, and the same for the same."""
    text = "\0".join(parts).encode(errors="surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
