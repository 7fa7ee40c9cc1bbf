"""What a sweep tries, from its `--set` values: choices, ranges, and what is the same in each trial.

model.hyperparameters.learning_rate=1e-2,1e-3    choices, as YAML
model.hyperparameters.hidden_units=[32],[64,32]  choices of lists
model.hyperparameters.batch_size=16..128         a range; of two integers, integers
model.hyperparameters.l2=log:1e-6..1e-2          a range that is even in its logarithm
model.hyperparameters.epochs=5                   one value: the same in each trial
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from taxiway.errors import ConfigError

_NUMBER: Final = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE: Final = re.compile(rf"(log:)?({_NUMBER})\.\.({_NUMBER})")
_INTEGER: Final = re.compile(r"[-+]?\d+")
_OPENS: Final = {"[": "]", "{": "}"}


@dataclass(frozen=True)
class Choices:
    """Some values of a key, as YAML."""

    values: tuple[str, ...]

    def at(self, share: float) -> str:
        """The value at a share in [0, 1) of the way through."""
        return self.values[int(share * len(self.values))]

    @property
    def ends(self) -> tuple[str, ...]:
        """Values that show whether all can be used."""
        return self.values


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`, both of them too."""

    low: float
    high: float
    log: bool = False
    whole: bool = False
    """Integers only."""

    def at(self, share: float) -> str:
        """The value at a share in [0, 1) of the way from `low` to `high`."""
        low, high = self.low, self.high + (1 if self.whole else 0)
        if self.log:
            value = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        else:
            value = low + share * (high - low)
        value = math.floor(value) if self.whole else value
        return self.text(value)

    def text(self, value: float) -> str:
        """A value as YAML, of six digits, and never outside of the range."""
        rounded = value if self.whole else float(f"{value:.6g}")
        inside = min(max(rounded, self.low), self.high)
        return str(int(inside)) if self.whole else repr(float(inside))

    @property
    def ends(self) -> tuple[str, ...]:
        """Values that show whether all can be used."""
        return self.text(self.low), self.text(self.high)


Dimension = Choices | Range


@dataclass(frozen=True)
class Space:
    """What a sweep tries."""

    dimensions: Mapping[str, Dimension]
    """By key of the config."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Values that every trial has, as YAML, by key."""

    def to_json(self) -> dict[str, Any]:
        """As plain values; `from_json` reads them. The order of keys is that of a grid."""
        tried = [
            [key, list(one.values) if isinstance(one, Choices) else _range_text(one)]
            for key, one in self.dimensions.items()
        ]
        return {"tried": tried, "fixed": dict(self.fixed)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Space:
        """From what `to_json` gave."""
        found: dict[str, Dimension] = {}
        for key, one in values["tried"]:
            read = Choices(tuple(one)) if isinstance(one, list) else _range(key, one)
            assert read is not None
            found[key] = read
        return cls(found, values["fixed"])


def parse_space(assignments: Sequence[str]) -> Space:
    """What the `--set` values of a sweep mean.

    Args:
      assignments: `key.path=values`, as above; a later one of a key wins.

    Raises:
      ConfigError: one is no assignment, a range cannot be used, or nothing varies.
    """
    dimensions: dict[str, Dimension] = {}
    fixed: dict[str, str] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key:
            raise ConfigError(f"--set takes key.path=values, got '{text}'", edit="--set")
        dimensions.pop(key, None)
        fixed.pop(key, None)
        found = _range(key, value.strip()) or _choices(key, value)
        if found is None:
            fixed[key] = value
        else:
            dimensions[key] = found
    if not dimensions:
        raise ConfigError(
            "a sweep needs a key with several values, and no --set has them; expected such as "
            "--set model.hyperparameters.learning_rate=1e-2,1e-3 or =log:1e-4..1e-1",
            edit="--set",
        )
    return Space(dimensions, fixed)


def _range(key: str, text: str) -> Range | None:
    found = _RANGE.fullmatch(text)
    if found is None:
        return None
    log, low, high = bool(found[1]), found[2], found[3]
    whole = bool(_INTEGER.fullmatch(low) and _INTEGER.fullmatch(high))
    made = Range(float(low), float(high), log, whole)
    if not made.low < made.high:
        raise ConfigError(
            f"--set {key}: the range {text} has no values: expected the lower end first",
            edit=f"--set {key}",
        )
    if log and made.low <= 0:
        raise ConfigError(
            f"--set {key}: {text} has no logarithm: expected a lower end above 0",
            edit=f"--set {key}",
        )
    return made


def _range_text(one: Range) -> str:
    low, high = (int(end) if one.whole else end for end in (one.low, one.high))
    return f"{'log:' if one.log else ''}{low!r}..{high!r}"


def _choices(key: str, text: str) -> Choices | None:
    """The choices of a value with commas; None where it is one value."""
    parts = [part.strip() for part in _split(text)]
    if len(parts) < 2:
        return None
    if not all(parts):
        raise ConfigError(
            f"--set {key}: one of the values of '{text}' is empty; expected a value before and "
            "after each comma",
            edit=f"--set {key}",
        )
    return Choices(tuple(dict.fromkeys(parts)))


def _split(text: str) -> Iterator[str]:
    """The parts between commas that are in no brackets and no quotes."""
    part, closing, quote = "", list[str](), ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in _OPENS:
            closing.append(_OPENS[character])
        elif closing and character == closing[-1]:
            closing.pop()
        elif character == "," and not closing:
            yield part
            part = ""
            continue
        part += character
    yield part
