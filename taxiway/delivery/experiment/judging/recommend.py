"""What is to be done about an experiment: a recommendation, and the reason for it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from taxiway.delivery.experiment.judging.findings import Comparison, Findings
from taxiway.delivery.statistics.comparisons.means import FEWEST
from taxiway.delivery.statistics.design.sample_ratio import MISMATCH

Action = Literal["ship", "keep_control", "keep_running", "withheld"]


@dataclass(frozen=True)
class Recommendation:
    """What is to be done.

    Args:
      action: ship a version; keep the control; go on; or nothing, as the data cannot be trusted.
      reason: in words.
      version: that is to have all traffic; of `ship` and `keep_control`.
      more_users: of `keep_running`, about how many it takes until one of the other two; None where
        that cannot be told.
      look_at: of `withheld`, what to look at.
    """

    action: Action
    reason: str
    version: str = ""
    more_users: int | None = None
    look_at: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self) | {"look_at": list(self.look_at)}


def decide(found: Findings) -> Recommendation:
    """The recommendation of what was found.

    A version is shipped where it is surely better than the control and every guardrail is surely
    held; the control is kept where every other version surely breaks a guardrail, or is surely not
    better by the effect that is worth acting on. "Surely" is at the design's alpha, at all looks
    together.
    """
    design = found.design
    control = design.arms[0].version
    if found.phase.moved:
        return Recommendation(
            "withheld",
            f"traffic was moved since: {found.phase.moved}",
            look_at=("taxiway rollout status", "taxiway audit log"),
        )
    if found.sample_ratio is not None and found.sample_ratio.mismatch:
        return _mismatch(found)
    if design.learns:
        return _learning(found)
    too_early = _too_early(found)
    if too_early:
        return too_early
    standing = [_Standing(found, arm.version) for arm in design.arms[1:]]
    winners = sorted(
        (one for one in standing if one.wins), key=lambda one: one.primary.better[0], reverse=True
    )
    for one in winners:
        if not one.open_guards:
            return Recommendation("ship", one.why_it_wins(), one.version)
    if all(one.loses for one in standing):
        return Recommendation(
            "keep_control", "; ".join(one.why_it_loses() for one in standing), control
        )
    if winners:
        best = winners[0]
        names = ", ".join(one.metric.name for one in best.open_guards)
        reason = f"{best.why_it_wins()}, and it is not known yet whether {names} holds its margin"
        return Recommendation("keep_running", reason, more_users=_more(found, best.open_guards))
    open_ = [one for one in standing if not one.loses]
    reason = "; ".join(one.why_it_is_open() for one in open_)
    return Recommendation(
        "keep_running", reason, more_users=_more(found, [one.primary for one in open_])
    )


class _Standing:
    """Where one version stands against the control."""

    def __init__(self, found: Findings, version: str) -> None:
        self.version = version
        (self.primary,) = found.of("primary", version)
        guards = found.of("guardrail", version)
        self.broken = [one for one in guards if one.guard == "broken"]
        self.open_guards = [one for one in guards if one.guard == "open"]
        self._worth = found.design.primary_metric.effect
        self._control = found.design.arms[0].version

    @property
    def wins(self) -> bool:
        """Surely better, and no guardrail is broken."""
        return not self.broken and self.primary.better[1] > 0.0

    @property
    def loses(self) -> bool:
        """It surely breaks a guardrail, or is surely not better by what is worth acting on."""
        return bool(self.broken) or (self.primary.better[2] < self._worth and not self.wins)

    def why_it_wins(self) -> str:
        """In words."""
        return f"{self.version} is better than {self._control} by {_bounds(self.primary)}"

    def why_it_loses(self) -> str:
        """In words."""
        if self.broken:
            told = ", ".join(
                f"{one.metric.name} by {_bounds(one)}, worse than its margin {one.margin:g}"
                for one in self.broken
            )
            return f"{self.version} moves {told}"
        if self.primary.better[2] < 0.0:
            return f"{self.version} is worse than {self._control}: {_bounds(self.primary)}"
        return (
            f"{self.version} is not better than {self._control} by {self._worth:g}, which was "
            f"worth acting on: {_bounds(self.primary)}"
        )

    def why_it_is_open(self) -> str:
        """In words."""
        return (
            f"{self.version} is neither surely better than {self._control} nor surely short of "
            f"{self._worth:g}: {_bounds(self.primary)}"
        )


def _too_early(found: Findings) -> Recommendation | None:
    design = found.design
    least = min(arm.users for arm in found.arms)
    wanted = max(design.minimum_sample, FEWEST)
    if least < wanted:
        shares = [arm.weight / 100 for arm in found.arms]
        more = max(
            math.ceil((wanted - arm.users) / share)
            for arm, share in zip(found.arms, shares, strict=True)
        )
        reason = f"an arm has {least:,} users, and {wanted:,} are the fewest to judge by"
        return Recommendation("keep_running", reason, more_users=more)
    if found.days < design.minimum_days:
        reason = (
            f"it has run for {found.days:.1f} days, and minimum_days is {design.minimum_days:g}"
        )
        return Recommendation("keep_running", reason)
    return None


def _mismatch(found: Findings) -> Recommendation:
    ratio = found.sample_ratio
    assert ratio is not None
    counts = " to ".join(f"{arm.users:,}" for arm in found.arms)
    expected = " to ".join(f"{one:,.0f}" for one in ratio.expected)
    reason = (
        f"the sample ratio does not match: {counts} users, where {expected} are expected "
        f"(p = {ratio.p_value:.2g}, below {MISMATCH:g}); no effect can be believed"
    )
    return Recommendation("withheld", reason, look_at=tuple(_suspects(found)))


def _suspects(found: Findings) -> list[str]:
    """What makes users of one arm go missing; what is seen here first."""
    told = []
    for arm in found.arms:
        if arm.model.error_rate > 0.001:
            told.append(
                f"{arm.version} fails {arm.model.error_rate:.1%} of its requests: those without "
                "any answer are not in the log"
            )
    if found.counts.get("crossed"):
        told.append(
            f"{found.counts['crossed']:,} requests of users with more than one arm: keys that "
            "change, or that several users share"
        )
    if found.counts.get("repeated"):
        told.append(
            f"{found.counts['repeated']:,} requests with an id that another had: clients that try "
            "again more often in one arm"
        )
    return [
        *told,
        "clients that cache answers, or send again what one arm answers too slowly",
        "`taxiway log status`: records that a gateway has dropped or lost",
        "a key that is made from the answer, so that users with one arm have more of them",
    ]


def _learning(found: Findings) -> Recommendation:
    """A bandit moves the traffic by itself; what is left to be told is where it has got to."""
    lead = max(found.arms, key=lambda arm: arm.requests)
    total = sum(arm.requests for arm in found.arms)
    share = f"{lead.requests / total:.0%}" if total else "none"
    reason = (
        f"{found.design.policy.kind} moves the traffic by itself; {lead.version} had {share} of "
        "the requests so far"
    )
    return Recommendation("keep_running", reason)


def _more(found: Findings, comparisons: list[Comparison]) -> int | None:
    """Users until the bounds leave one answer, if the estimates stay as they are.

    Bounds are about 1 / sqrt(users) wide; they must leave out nothing or the effect that is worth
    acting on, and of a guardrail its margin.
    """
    needed = 0.0
    for one in comparisons:
        estimate, lower, upper = one.better
        radius = (upper - lower) / 2
        if not math.isfinite(radius):
            return None
        worth = found.design.primary_metric.effect
        target = max(estimate, worth - estimate)
        if one.margin is not None:
            target = abs(estimate + one.margin)
        if target <= 0.0:
            return None
        needed = max(needed, found.units * ((radius / target) ** 2 - 1))
    return _two_digits(needed)


def _two_digits(users: float) -> int:
    """Of an estimate more would say too much."""
    if users <= 0:
        return 0
    unit: int = 10 ** max(math.floor(math.log10(users)) - 1, 0)
    return math.ceil(users / unit) * unit


def _bounds(one: Comparison) -> str:
    effect = one.effect
    return (
        f"{effect.estimate:+.4g} ({effect.lower:+.4g} to {effect.upper:+.4g}, "
        f"{(1 - one.alpha) * 100:.4g}% at all looks)"
    )
