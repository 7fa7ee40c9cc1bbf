"""Whether a run that was repeated came out the same: its outcome, and each metric to 1e-6."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from taxiway.tracking.run_record.record import RunRecord

TOLERANCE: Final = 1e-6
"""Of each metric: absolute, and of large ones relative."""
OVERALL: Final = "overall"


@dataclass(frozen=True)
class Change:
    """A metric that is not the same."""

    slice: str
    metric: str
    then: float | None
    now: float | None

    @property
    def text(self) -> str:
        """On one line."""
        if self.then is None or self.now is None:
            return f"{self.metric} on {self.slice}: then {_number(self.then)}, now " + _number(
                self.now
            )
        return (
            f"{self.metric} on {self.slice}: then {self.then:.9g}, now {self.now:.9g} "
            f"({self.now - self.then:+.3g})"
        )


@dataclass(frozen=True)
class Verdict:
    """How a repeated run compares with the one on record."""

    outcomes: tuple[str, str]
    """Then, and now."""
    compared: int
    """Metrics of all slices together."""
    changes: tuple[Change, ...]

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs by more than TOLERANCE."""
        return not self.changes and self.outcomes[0] == self.outcomes[1]


def compare(then: RunRecord, now: RunRecord) -> Verdict:
    """Compares outcomes, and the metrics of every slice that either has."""
    before, after = _by_slice(then), _by_slice(now)
    pairs = [
        Change(name, metric, before.get(name, {}).get(metric), after.get(name, {}).get(metric))
        for name in dict.fromkeys([*before, *after])
        for metric in dict.fromkeys([*before.get(name, {}), *after.get(name, {})])
    ]
    changes = tuple(one for one in pairs if not _are_equal(one.then, one.now))
    return Verdict((then.outcome, now.outcome), len(pairs), changes)


def _by_slice(record: RunRecord) -> dict[str, Mapping[str, float]]:
    named = {one.name: one.metrics for one in record.slices}
    return {OVERALL: record.metrics, **named} if record.metrics else dict(named)


def _are_equal(then: float | None, now: float | None) -> bool:
    if then is None or now is None:
        return then is now
    if math.isnan(then) and math.isnan(now):
        return True
    return math.isclose(then, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.9g}"
