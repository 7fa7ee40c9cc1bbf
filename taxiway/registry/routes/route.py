"""A route: the arms between which a model's traffic is split, and which keys are whose.

Keys fall into 10,000 slots, and each arm has some of them as ranges. A move hands over no more
slots than it must (see `allocate`), whatever the number of arms, and going back to an earlier
revision gives each key the version that it had then.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

SLOTS: Final = 10_000
"""Of a route: hundredths of a percent."""
STABLE: Final = "stable"
"""The arm that every route has: of the version that answers where others fail."""

Ranges = tuple[tuple[int, int], ...]
"""Of slots: first, and first after the last; sorted and apart."""
WHOLE: Final[Ranges] = ((0, SLOTS),)


@dataclass(frozen=True)
class Arm:
    """A version that has a share of the traffic.

    Args:
      name: `stable`, or the version's name.
      version: its name in the registry.
      number: of TensorFlow Serving's layout; 0 where its place has none.
      place: folder that gateways load it from.
      ranges: its slots.
    """

    name: str
    version: str
    number: int
    place: str
    ranges: Ranges = WHOLE

    @cached_property
    def slots(self) -> int:
        """How many it has."""
        return sum(end - start for start, end in self.ranges)

    @property
    def weight(self) -> float:
        """Percent of the traffic."""
        return self.slots * 100 / SLOTS

    @property
    def share(self) -> float:
        """Of the traffic, 0 to 1."""
        return self.slots / SLOTS

    def to_json(self) -> dict[str, Any]:
        """As people read it."""
        names = ("name", "version", "number", "place", "weight")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Condition:
    """What a request must say to be of an audience.

    Args:
      source: where it says so: a header, a cookie, or a column of its first row.
      name: of that; of a header in lower case.
      values: one of which it must be, as text.
    """

    source: Literal["header", "cookie", "column"]
    name: str
    values: tuple[str, ...]

    @property
    def words(self) -> str:
        """For people: `header x-region = eu or uk`."""
        return f"{self.source} {self.name} = {' or '.join(self.values)}"


@dataclass(frozen=True)
class Mirror:
    """A version that gets copies of requests; its answers are compared and thrown away.

    Args:
      version: its name in the registry.
      number: as of an Arm.
      place: as of an Arm.
      share: of the requests, above 0 up to 1.
    """

    version: str
    number: int
    place: str
    share: float


@dataclass(frozen=True)
class RoutePolicy:
    """What chooses between the arms in place of their slots.

    Args:
      experiment: id of the experiment that learns.
      policy: `kind` and settings, as of taxiway/delivery/policies.
    """

    experiment: int
    policy: Mapping[str, Any]


@dataclass(frozen=True)
class Route:
    """How a model's traffic is split in an environment, as of a revision.

    Args:
      model: name.
      environment: empty where there is one only.
      revision: 1, 2, 3, ...; each move makes the next.
      salt: what makes a key's slot here say nothing about its slot in another environment.
      arms: `stable` is the first; their ranges are all the slots, each once.
      audience: conditions that all hold for those whose requests are split; the others' all go to
        the stable version. Empty for everyone.
      mirror: which version gets copies beside; None for none.
      policy: what chooses between the arms; None for their slots.
    """

    model: str
    environment: str
    revision: int
    salt: str
    arms: tuple[Arm, ...]
    audience: tuple[Condition, ...] = ()
    mirror: Mirror | None = None
    policy: RoutePolicy | None = None

    @property
    def versions(self) -> tuple[Arm | Mirror, ...]:
        """All that gateways must have loaded to go by it."""
        return self.arms if self.mirror is None else (*self.arms, self.mirror)

    @property
    def stable(self) -> Arm:
        """The arm of that name."""
        return self.arms[0]

    def arm_at(self, slot: int) -> Arm:
        """Whose a slot is."""
        starts, arms = self._by_slot
        return arms[bisect_right(starts, slot) - 1]

    @cached_property
    def _by_slot(self) -> tuple[list[int], list[Arm]]:
        """First slot of each range, sorted, and whose it is."""
        found = sorted(
            (start, place) for place, arm in enumerate(self.arms) for start, _ in arm.ranges
        )
        return [start for start, _ in found], [self.arms[place] for _, place in found]


def allocate(before: Mapping[str, Ranges], wanted: Mapping[str, int]) -> dict[str, Ranges]:
    """Slots for each version, of which as many as can be stay where they are.

    A version that has too many gives its last ones away; one that has too few takes the lowest
    that are free. So what moves is exactly what the others gave up.

    Args:
      before: slots that versions have, each at most once; free is what none has.
      wanted: how many each is to have; SLOTS together.
    """
    kept = {name: _first(before.get(name, ()), count) for name, count in wanted.items()}
    free = _others(_merged([one for ranges in kept.values() for one in ranges]))
    made: dict[str, Ranges] = {}
    for name, count in wanted.items():
        taken = _first(free, count - _count(kept[name]))
        free = _without(free, _count(taken))
        made[name] = _merged([*kept[name], *taken])
    return made


def _count(ranges: Ranges) -> int:
    return sum(end - start for start, end in ranges)


def _first(ranges: Ranges, count: int) -> Ranges:
    """The lowest slots, so many at most."""
    found = []
    for start, end in ranges:
        if count <= 0:
            break
        found.append((start, min(end, start + count)))
        count -= end - start
    return tuple(found)


def _without(ranges: Ranges, count: int) -> Ranges:
    """All but so many of the lowest slots."""
    found = []
    for start, end in ranges:
        gone = min(count, end - start)
        count -= gone
        if start + gone < end:
            found.append((start + gone, end))
    return tuple(found)


def _merged(ranges: list[tuple[int, int]]) -> Ranges:
    """Sorted, and those that touch as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(found)


def _others(ranges: Ranges) -> Ranges:
    """The slots between."""
    ends = [0, *(end for _, end in ranges)]
    starts = [*(start for start, _ in ranges), SLOTS]
    return tuple((end, start) for end, start in zip(ends, starts, strict=True) if end < start)
