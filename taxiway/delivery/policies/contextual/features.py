"""Columns of a request as features: numbers between 0 and 1, as many as the config says.

A number is scaled, by bounds that are given or that the first rewards show. A category falls into
one of a few buckets by a hash, so that one that was never seen has its place too. That a value is
missing is a feature as well. Before them all stands a 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal
from zlib import crc32

from pydantic import Field, model_validator

from taxiway.delivery.policies.policy import BasePolicy, plain
from taxiway.section import Frozen

MOST_FEATURES: Final = 64
"""Of a policy; its state has half the square of them for each arm."""
_ENOUGH: Final = 30
"""Values by which the bounds of a number are settled."""
_DEVIATIONS: Final = 2.0
"""From the mean to a bound."""

Seen = dict[str, float]
"""Of a number without bounds: `n`, `total` and `squares` of its values, then `low` and `high`."""


class NumberFeature(Frozen):
    """A column of numbers."""

    kind: Literal["number"]
    column: str
    """Of the request."""
    low: float | None = None
    """What is 0; null for two standard deviations below the mean of the first values, at least 30,
    that rewards come for. What is lower is 0 too."""
    high: float | None = None
    """What is 1, as `low`."""

    @model_validator(mode="after")
    def _has_both_bounds_or_none(self) -> NumberFeature:
        if (self.low is None) != (self.high is None):
            raise ValueError("give both low and high, or neither")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low ({self.low:g}) must be below high ({self.high:g})")
        return self

    @property
    def width(self) -> int:
        """How many features it is: the number, and whether it is missing."""
        return 2


class CategoryFeature(Frozen):
    """A column of words, or of numbers that are names."""

    kind: Literal["category"]
    column: str
    """Of the request."""
    buckets: Annotated[int, Field(ge=2, le=MOST_FEATURES)] = 8
    """Into which values fall by a hash; two values in one bucket count as the same."""

    @property
    def width(self) -> int:
        """How many features it is: its buckets, and whether it is missing."""
        return self.buckets + 1


Feature = Annotated[NumberFeature | CategoryFeature, Field(discriminator="kind")]
"""One entry of `features`: every kind."""


class FeaturePolicy(BasePolicy):
    """Base of the policies that look at columns of the request."""

    contextual: ClassVar[bool] = True

    features: Annotated[tuple[Feature, ...], Field(min_length=1)]
    """Columns of the request that the reward may depend on."""

    @model_validator(mode="after")
    def _is_small(self) -> FeaturePolicy:
        if width(self.features) > MOST_FEATURES:
            raise ValueError(
                f"features make {width(self.features)} columns, at most {MOST_FEATURES}: a number "
                "makes 2, a category its buckets and 1, and there is 1 before them"
            )
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of `features`."""
        return tuple(dict.fromkeys(one.column for one in self.features))


Encode = Callable[[Mapping[str, Any]], list[float]]


def width(features: Sequence[Feature]) -> int:
    """How many features there are, with the 1 before them."""
    return 1 + sum(one.width for one in features)


def encoder(features: Sequence[Feature], seen: Mapping[str, Seen]) -> Encode:
    """What makes features of a request.

    Args:
      features: of the policy.
      seen: of numbers whose bounds are not given, by column; one whose bounds are not settled yet
        is missing.
    """
    parts = [_part(one, seen.get(one.column, {})) for one in features]

    def encode(context: Mapping[str, Any]) -> list[float]:
        found = [1.0]
        for column, part in parts:
            found += part(context.get(column))
        return found

    return encode


def look(
    features: Sequence[Feature], seen: Mapping[str, Seen], contexts: Sequence[Mapping[str, Any]]
) -> dict[str, Seen]:
    """What is known of numbers without bounds after more contexts were seen.

    Bounds that are settled stay, for what was learnt of a feature is of those.
    """
    found = dict(seen)
    for feature in features:
        if feature.kind != "number" or feature.low is not None:
            continue
        before = seen.get(feature.column, {"n": 0.0, "total": 0.0, "squares": 0.0})
        if "low" not in before:
            values = [number(context.get(feature.column)) for context in contexts]
            found[feature.column] = _settled(before, [one for one in values if one is not None])
    return found


def number(value: Any) -> float | None:
    """As a finite number; None for what is none."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def category(value: Any) -> bytes | None:
    """As bytes to hash; None for what is missing. 3 and 3.0 are the same."""
    found = plain(value)
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    return None if found is None or found == "" else str(found).encode()


def _settled(before: Seen, values: Sequence[float]) -> Seen:
    n = before["n"] + len(values)
    total = before["total"] + math.fsum(values)
    squares = before["squares"] + math.fsum(one * one for one in values)
    if n >= _ENOUGH and math.isfinite(squares):
        mean = total / n
        spread = _DEVIATIONS * max(0.0, squares / n - mean * mean) ** 0.5
        if spread > 1e-9 * abs(mean):
            return {"low": mean - spread, "high": mean + spread}
    return {"n": n, "total": total, "squares": squares}


def _part(feature: Feature, seen: Seen) -> tuple[str, Callable[[Any], list[float]]]:
    if feature.kind == "number":
        low = seen.get("low") if feature.low is None else feature.low
        high = seen.get("high") if feature.high is None else feature.high
        return feature.column, _number_part(low, high)
    return feature.column, _category_part(feature.column, feature.buckets)


def _number_part(low: float | None, high: float | None) -> Callable[[Any], list[float]]:
    missing = [0.0, 1.0]
    if low is None or high is None:
        return lambda _: missing
    span = high - low

    def part(value: Any) -> list[float]:
        found = number(value)
        if found is None:
            return missing
        return [min(1.0, max(0.0, (found - low) / span)), 0.0]

    return part


def _category_part(column: str, buckets: int) -> Callable[[Any], list[float]]:
    salt = crc32(column.encode(errors="surrogatepass"))
    columns = [
        [float(place == bucket) for place in range(buckets + 1)] for bucket in range(buckets + 1)
    ]

    def part(value: Any) -> list[float]:
        found = category(value)
        return columns[buckets if found is None else crc32(found, salt) % buckets]

    return part
