"""Conditions of an analysis, such as `upper < 0.01`: the registry's filters over five numbers."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Final

from taxiway.errors import ConfigError
from taxiway.registry.search.filter import Filter, parse
from taxiway.terminal import one_line

FIELDS: Final = ("stable", "canary", "difference", "lower", "upper")
"""Of a metric: its value of either version, the canary's less the stable's, and the bounds of that
difference. Latencies are seconds, rates are shares."""


@functools.lru_cache(maxsize=256)
def condition(text: str) -> Filter:
    """A condition from its text; an empty one always holds.

    Raises:
      ConfigError: it is none, with the place in the text.
    """
    found = parse(text)
    found.check(FIELDS)
    compared = [one.wanted for one in found.comparisons]
    no_number = next((one.text for one in compared if one.number is None), None)
    if found.words or no_number is not None:
        what = "a word" if found.words else f"'{one_line(no_number or '')}'"
        raise ConfigError(
            f"received {what} in the condition '{one_line(text)}', expected comparisons of "
            f"{', '.join(FIELDS)} with numbers",
            edit="successCondition or failureCondition, such as upper < 0.01",
        )
    return found


def holds(text: str, values: Mapping[str, float]) -> bool | None:
    """Whether a condition holds; None where a number that it asks for is not known.

    Args:
      values: by the names of FIELDS; NaN where it is not known.
    """
    found = condition(text)
    if any(math.isnan(values.get(name.casefold(), math.nan)) for name in found.fields):
        return None
    return found.matches(values)
