"""The steps of a rollout: every strategy is a list of them, and each asks something of the route.

Before the first one the new version is loaded with no traffic, and after the last one it has all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from taxiway.delivery.audience import Audience
from taxiway.delivery.section import (
    BlueGreen,
    Canary,
    Pause,
    Shadow,
    Step,
    Strategy,
)
from taxiway.registry.routes.route import SLOTS, Condition

LOAD: Final = -1
"""The step before the first one."""
_SLOTS_PER_PERCENT: Final = SLOTS // 100


@dataclass(frozen=True)
class Shape:
    """What a rollout asks of the route.

    Args:
      traffic: `split` between both versions, or all of it to the `stable` or to the `new` one.
      slots: of the new version, of the audience's, where it is split.
      audience: whose requests are split; empty for everyone's.
      mirror: share of the requests that are copied to the new version, 0 to 1.
    """

    traffic: Literal["split", "stable", "new"] = "split"
    slots: int = 0
    audience: tuple[Condition, ...] = ()
    mirror: float = 0.0

    @property
    def weight(self) -> float:
        """Percent of the audience's requests that go to the new version."""
        if self.traffic == "split":
            return self.slots / _SLOTS_PER_PERCENT
        return 100.0 if self.traffic == "new" else 0.0

    def to_json(self) -> dict[str, Any]:
        """As plain values; see `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Shape:
        """What `to_json` wrote."""
        audience = tuple(
            Condition(one["source"], one["name"], tuple(one["values"])) for one in found["audience"]
        )
        return cls(**found | {"audience": audience})


LOADING: Final = Shape()
TO_STABLE: Final = Shape("stable")
TO_NEW: Final = Shape("new")


def steps_of(strategy: Strategy) -> tuple[Step, ...]:
    """The steps between loading the new version and giving it all traffic."""
    wait = Step(pause=Pause())
    if isinstance(strategy, Canary):
        return strategy.steps
    if isinstance(strategy, BlueGreen):
        return () if strategy.autoPromotionEnabled else (wait,)
    if isinstance(strategy, Shadow):
        looked = (Step(setMirror=strategy.percentage), Step(analysis=strategy.analysis))
        return looked if strategy.autoPromotionEnabled else (*looked, wait)
    return ()


def moved_by(step: Step) -> Callable[[Shape], Shape] | None:
    """What a step makes of the shape before it; None for one that moves no traffic."""
    if step.setWeight is not None:
        slots = round(step.setWeight * _SLOTS_PER_PERCENT)
        return lambda shape: replace(shape, slots=slots)
    if step.setAudience is not None:
        audience = conditions_of(step.setAudience)
        return lambda shape: replace(shape, audience=audience)
    if step.setMirror is not None:
        mirror = step.setMirror / 100
        return lambda shape: replace(shape, mirror=mirror)
    return None


def conditions_of(audience: Audience) -> tuple[Condition, ...]:
    """An audience as a route has it."""
    named = (
        ("header", {name.lower(): values for name, values in audience.headers.items()}),
        ("cookie", audience.cookies),
        ("column", audience.columns),
    )
    return tuple(
        Condition(source, name, tuple(values))  # type: ignore[arg-type]  # one of its literals
        for source, found in named
        for name, values in sorted(found.items())
    )


def action_of(step: Step) -> str:
    """A step's kind as the audit and the history have it: `set_weight`, `pause`, ..."""
    (name,) = (name for name in Step.model_fields if getattr(step, name) is not None)
    return _ACTIONS[name]


_ACTIONS: Final = {
    "setWeight": "set_weight",
    "setAudience": "set_audience",
    "setMirror": "set_mirror",
    "pause": "pause",
    "analysis": "analysis",
}


def in_words(step: Step) -> str:
    """A step for people, in the words of the config: `setWeight 5`, `pause 60 s`."""
    if step.setWeight is not None:
        return f"setWeight {step.setWeight:g}"
    if step.setMirror is not None:
        return f"setMirror {step.setMirror:g}"
    if step.pause is not None:
        duration = step.pause.duration
        return "pause until resumed" if duration is None else f"pause {duration:g} s"
    if step.analysis is not None:
        one = step.analysis
        names = ", ".join(metric.name for metric in one.metrics)
        return f"analysis {one.count} x {one.interval:g} s: {names}"
    found = conditions_of(step.setAudience) if step.setAudience is not None else ()
    told = " and ".join(one.words for one in found)
    return f"setAudience {told or 'everyone'}"
