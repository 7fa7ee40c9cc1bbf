"""A rollout as it stands: which step it is at, since when, and what it has seen there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Literal, cast, get_args

from pydantic import TypeAdapter

from taxiway.delivery.analysis.look import Look, Verdict
from taxiway.delivery.rollout.steps import LOAD, LOADING, Shape, steps_of
from taxiway.delivery.section import Analysis, Step, Strategy

Phase = Literal["Progressing", "Paused", "Inconclusive", "Healthy", "Degraded"]
"""As Argo Rollouts names them. Progressing: it goes on by itself. Paused: it waits for its time, or
for someone. Inconclusive: its analysis told nothing for too long, and it waits for someone.
Healthy: it ended with all traffic on the new version. Degraded: it ended otherwise."""
ENDED: Final[frozenset[Phase]] = frozenset(("Healthy", "Degraded"))
KEPT_LOOKS: Final = 20
"""Of a step: the newest; all of them are among the events."""

_STRATEGY: Final[TypeAdapter[Strategy]] = TypeAdapter(Strategy)


@dataclass(frozen=True)
class Rollout:
    """One version on its way to users.

    Args:
      id: of its row; 0 before it has one.
      model: name.
      environment: of the route.
      version: the new one, by its name in the registry.
      stable: the one that served when it began.
      strategy: as the config had it then.
      progress_deadline_seconds: as the config had it then.
      phase: see `Phase`.
      step: index in `steps`; LOAD before the first one, and their number when it has ended well.
      shape: what it has made of the route.
      first_revision: the first of the route that it made.
      revision: the last that it made; another one was made by somebody else.
      since: when the step began, in seconds since the epoch.
      begun: when all gateways had taken it up, from when on its clock runs; None before.
      waited: seconds for which someone has watched gateways not take it up.
      seen: when someone last did; None before.
      held: when `pause` stopped it; None while it is not.
      counts: looks of this step by their verdict, since it was last resumed.
      looked: when the last of them was; None before.
      looks: the newest of this step.
      reason: why it is in its phase, for people.
      started_by: who.
      started_at: as the registry writes times.
      updated_at: the same.
      ended_at: the same; empty while it has not.
    """

    id: int
    model: str
    environment: str
    version: str
    stable: str
    strategy: Strategy
    progress_deadline_seconds: float
    phase: Phase = "Progressing"
    step: int = LOAD
    shape: Shape = LOADING
    first_revision: int = 0
    revision: int = 0
    since: float = 0.0
    begun: float | None = None
    waited: float = 0.0
    seen: float | None = None
    held: float | None = None
    counts: Mapping[Verdict, int] = field(default_factory=dict)
    looked: float | None = None
    looks: tuple[Look, ...] = ()
    reason: str = ""
    started_by: str = ""
    started_at: str = ""
    updated_at: str = ""
    ended_at: str = ""

    @property
    def subject(self) -> str:
        """As the audit names its version: `flights/1.2.7`."""
        return f"{self.model}/{self.version}"

    @property
    def is_open(self) -> bool:
        """Whether it goes on, or waits to."""
        return self.phase not in ENDED

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Of its strategy."""
        return steps_of(self.strategy)

    @property
    def current(self) -> Step | None:
        """The step that it is at; None while its version is loaded first, and when it has ended."""
        return self.steps[self.step] if 0 <= self.step < len(self.steps) else None

    @property
    def analysis(self) -> Analysis | None:
        """Of the current step."""
        return self.current.analysis if self.current is not None else None

    @property
    def analyses(self) -> int:
        """How many of its steps are analyses."""
        return sum(step.analysis is not None for step in self.steps)

    def with_(self, **changes: Any) -> Rollout:
        """Another one that differs in these."""
        return replace(self, **changes)

    def strategy_json(self) -> dict[str, Any]:
        """The strategy as plain values."""
        return self.strategy.model_dump(mode="json")

    def state_json(self) -> dict[str, Any]:
        """What changes over a rollout, as plain values; see `from_json`."""
        found = {name: getattr(self, name) for name in _STATE}
        return found | {
            "counts": dict(self.counts),
            "shape": self.shape.to_json(),
            "looks": [look.to_json() for look in self.looks],
        }

    @classmethod
    def from_json(
        cls, strategy: Mapping[str, Any], state: Mapping[str, Any], **columns: Any
    ) -> Rollout:
        """From what `strategy_json` and `state_json` wrote, and the row's other columns."""
        made = {name: state[name] for name in _STATE}
        made["shape"] = Shape.from_json(state["shape"])
        made["looks"] = tuple(Look.from_json(look) for look in state["looks"])
        return cls(strategy=_STRATEGY.validate_python(strategy), **made, **columns)

    def to_json(self) -> dict[str, Any]:
        """As people and scripts read it: of `--json` and of the admin port."""
        from taxiway.delivery.rollout.steps import in_words

        columns = (
            *("id", "model", "environment", "version", "stable", "phase", "reason"),
            *("started_by", "started_at", "updated_at", "ended_at"),
        )
        return {
            **{name: getattr(self, name) for name in columns},
            "strategy": self.strategy_json(),
            **self.state_json(),
            "weight": self.shape.weight,
            "steps": [in_words(step) for step in self.steps],
        }


_STATE: Final = (
    *("progress_deadline_seconds", "step", "shape", "first_revision", "revision", "since"),
    *("begun", "waited", "seen", "held", "counts", "looked", "looks"),
)


def phase_of(text: str) -> Phase:
    """A phase from a row.

    Raises:
      ValueError: there is no such; it is a newer release's.
    """
    if text not in get_args(Phase):
        raise ValueError(f"unknown phase '{text[:40]}'")
    return cast("Phase", text)


@dataclass(frozen=True)
class Event:
    """Something that happened to a rollout.

    Args:
      event: started, step, ready, look, paused, resumed, inconclusive, promoted, aborted, ...
      detail: of it, as plain values; `reason` is for people.
      at: as the registry writes times; empty before it is written.
    """

    event: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    at: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)
