"""One look of an analysis at the evidence: what each metric is found to be, and what that means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Verdict = Literal["success", "failure", "inconclusive"]


@dataclass(frozen=True)
class MetricLook:
    """A metric of the new version beside the stable one's, at one look.

    Args:
      name: of the metric.
      verdict: what it is found to be.
      stable: its value of the stable version; None where it is not known.
      canary: of the new version.
      difference: canary less stable.
      lower: of the always-valid interval of the difference.
      upper: of the same.
      why: the condition that decided, or what is missing; for people.
    """

    name: str
    verdict: Verdict
    stable: float | None = None
    canary: float | None = None
    difference: float | None = None
    lower: float | None = None
    upper: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Look:
    """What an analysis found at one time.

    Args:
      at: seconds since the epoch.
      verdict: failure where one metric fails; success where all succeed.
      stable_requests: that it rests on, of the stable version.
      canary_requests: of the new version.
      metrics: one by one.
      shadow: of copies, `compared` rows, the share of them that `agreed`, by how much the score
        drifted (`drift`), and the requests that were `dropped`; empty where there are none.
    """

    at: float
    verdict: Verdict
    stable_requests: int
    canary_requests: int
    metrics: tuple[MetricLook, ...]
    shadow: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain values; see `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Look:
        """What `to_json` wrote."""
        metrics = tuple(MetricLook(**one) for one in found["metrics"])
        return cls(**{**found, "metrics": metrics})

    def reason(self) -> str:
        """What decided, for people: of each metric with the verdict of the whole, why."""
        told = [f"{one.name}: {one.why}" for one in self.metrics if one.verdict == self.verdict]
        return "; ".join(told)


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """One that fails fails all; one that tells nothing leaves all open."""
    found = set(verdicts)
    if "failure" in found:
        return "failure"
    return "success" if found == {"success"} else "inconclusive"
