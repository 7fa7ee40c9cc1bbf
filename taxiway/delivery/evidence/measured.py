"""What was measured of a version, as counts that can be added up over gateways and times."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

_SMALLEST_SECONDS: Final = 1e-5
_LATENCY_RATIO: Final = math.log(1.1)
"""A bucket of latency is 10 percent wide, as is what is known of a percentile."""
_SCORE_BUCKETS: Final = 100
"""Of 0 to 1; a score outside falls into buckets that are 10 percent wide."""


@dataclass
class Moments:
    """Of a reward: how many came, their sum, and the sum of their squares."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """Takes one; with `times` of -1 it takes one back."""
        self.count += times
        self.total += times * value
        self.squares += times * value * value

    @property
    def mean(self) -> float:
        """NaN where none came."""
        return self.total / self.count if self.count else math.nan

    @property
    def variance(self) -> float:
        """Of the sample; NaN for fewer than two."""
        if self.count < 2:
            return math.nan
        spread = self.squares - self.total * self.total / self.count
        return max(0.0, spread) / (self.count - 1)

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.count + other.count, self.total + other.total, self.squares + other.squares
        )


@dataclass
class Pairs:
    """Answers of a shadow beside those of the version whose answer was sent.

    Args:
      compared: rows.
      agreed: rows whose answers are equal: of a class, the same; of a number, to 1e-6.
      drift: of the score, shadow's less the primary's.
      dropped: requests that were not copied, as the shadow was too slow or too busy.
    """

    compared: int = 0
    agreed: int = 0
    drift: Moments = field(default_factory=Moments)
    dropped: int = 0

    def __add__(self, other: Pairs) -> Pairs:
        return Pairs(
            self.compared + other.compared,
            self.agreed + other.agreed,
            self.drift + other.drift,
            self.dropped + other.dropped,
        )


@dataclass
class Measured:
    """Of one version, in one revision of the route.

    Args:
      requests: that were to go to it, whichever version answered them in the end.
      errors: requests among them that it failed to answer, whether another then did or not; what
        was refused for the request's own fault is not among the requests.
      rows: that it answered.
      nan_rows: rows of them whose score is no finite number.
      latency: requests it answered, by bucket; see `latency_bucket`.
      scores: finite scores, by bucket; see `score_bucket`.
      rewards: by name.
      pairs: of a shadow.
    """

    requests: int = 0
    errors: int = 0
    rows: int = 0
    nan_rows: int = 0
    latency: dict[int, int] = field(default_factory=dict)
    scores: dict[int, int] = field(default_factory=dict)
    rewards: dict[str, Moments] = field(default_factory=dict)
    pairs: Pairs = field(default_factory=Pairs)

    def __add__(self, other: Measured) -> Measured:
        names = self.rewards.keys() | other.rewards.keys()
        none = Moments()
        return Measured(
            self.requests + other.requests,
            self.errors + other.errors,
            self.rows + other.rows,
            self.nan_rows + other.nan_rows,
            _added(self.latency, other.latency),
            _added(self.scores, other.scores),
            {one: self.rewards.get(one, none) + other.rewards.get(one, none) for one in names},
            self.pairs + other.pairs,
        )

    def to_json(self) -> dict[str, Any]:
        """As plain values; see `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Measured:
        """What `to_json` wrote; JSON has made text of the buckets."""
        pairs = dict(found["pairs"])
        return cls(
            found["requests"],
            found["errors"],
            found["rows"],
            found["nan_rows"],
            {int(bucket): count for bucket, count in found["latency"].items()},
            {int(bucket): count for bucket, count in found["scores"].items()},
            {name: Moments(**one) for name, one in found["rewards"].items()},
            Pairs(**pairs | {"drift": Moments(**pairs["drift"])}),
        )


def latency_bucket(seconds: float) -> int:
    """The bucket of a latency."""
    return math.floor(
        math.log(max(seconds, _SMALLEST_SECONDS) / _SMALLEST_SECONDS) / _LATENCY_RATIO
    )


def latency_of(bucket: int) -> float:
    """The upper edge of a bucket, in seconds."""
    return _SMALLEST_SECONDS * math.exp((bucket + 1) * _LATENCY_RATIO)


def score_bucket(score: float) -> int:
    """The bucket of a finite score; buckets are in the order of their scores."""
    if 0.0 <= score <= 1.0:
        return min(int(score * _SCORE_BUCKETS), _SCORE_BUCKETS - 1)
    if score > 1.0:
        return _SCORE_BUCKETS + math.floor(math.log(score) / _LATENCY_RATIO)
    return -1 - math.floor(math.log1p(-score) / _LATENCY_RATIO)


def score_of(bucket: int) -> float:
    """A score in the middle of a bucket."""
    if 0 <= bucket < _SCORE_BUCKETS:
        return (bucket + 0.5) / _SCORE_BUCKETS
    if bucket >= _SCORE_BUCKETS:
        return math.exp((bucket - _SCORE_BUCKETS + 0.5) * _LATENCY_RATIO)
    return -math.expm1((-bucket - 0.5) * _LATENCY_RATIO)


def _added(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    found = dict(one)
    for bucket, count in other.items():
        found[bucket] = found.get(bucket, 0) + count
    return found
