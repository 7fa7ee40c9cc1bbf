"""What moves a rollout on: pure functions of where it stands, the time, and what was measured.

A step that moves traffic is over when every live gateway goes by its route; a pause when its time
is, or when someone says so; an analysis when enough of its looks were good. Nothing here reads or
writes; apply.py does, in one transaction with what is found here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from taxiway.delivery.analysis.look import Look
from taxiway.delivery.evidence.measured import Measured
from taxiway.delivery.evidence.records import AUDIENCE, SHADOW, Measurement, Segment, summed
from taxiway.delivery.rollout.state import KEPT_LOOKS, Event, Phase, Rollout
from taxiway.delivery.rollout.steps import (
    TO_NEW,
    TO_STABLE,
    Shape,
    action_of,
    in_words,
    moved_by,
)
from taxiway.delivery.section import Analysis
from taxiway.registry.routes.records import Revision

_LONGEST_GAP: Final = 5.0
"""Seconds between two sights of gateways that count as watching; in a longer one nobody did, as
where all of them were restarted."""


@dataclass(frozen=True)
class Gateways:
    """Of a model's live gateways, how far they are with the route.

    Args:
      live: how many there are.
      behind: how many of them do not go by the newest revision.
      errors: why, as they say.
    """

    live: int
    behind: int = 0
    errors: str = ""

    @property
    def ready(self) -> bool:
        """Whether all go by it; where there is none, nobody serves and nobody is ready."""
        return self.live > 0 and self.behind == 0


@dataclass(frozen=True)
class Advanced:
    """What becomes of a rollout.

    Args:
      rollout: as it stands then.
      shape: what is asked of the route; None where it stays.
      action: of that move, for the history and the audit.
      events: that happened, in order.
    """

    rollout: Rollout
    shape: Shape | None = None
    action: str = ""
    events: tuple[Event, ...] = ()


def is_look_due(rollout: Rollout, now: float) -> bool:
    """Whether its analysis looks now, and wants measurements of `rollout.revision`."""
    analysis = rollout.analysis
    if analysis is None or rollout.begun is None or rollout.held is not None:
        return False
    last = rollout.begun if rollout.looked is None else rollout.looked
    return now >= last + analysis.interval


def advance(
    rollout: Rollout,
    now: float,
    evidence: Sequence[Measurement],
    route: Revision,
    gateways: Gateways,
) -> Advanced:
    """Goes on as far as it can; at most one move of the route is asked for.

    Args:
      rollout: as it stands; an ended one stays as it is.
      now: seconds since the epoch.
      evidence: measurements of the route's revision; empty will do where no look is due.
      route: as it is now.
      gateways: how far they are with that revision.
    """
    if not rollout.is_open:
        return Advanced(rollout)
    if route.route.revision != rollout.revision:
        return _left_to(rollout, route)
    events: list[Event] = []
    while True:
        made = _once(rollout, now, evidence, gateways)
        if made is None:
            return Advanced(rollout, events=tuple(events))
        events.extend(made.events)
        if made.shape is not None or not made.rollout.is_open or not made.events:
            return replace(made, events=tuple(events))
        rollout = made.rollout


def _once(
    rollout: Rollout, now: float, evidence: Sequence[Measurement], gateways: Gateways
) -> Advanced | None:
    """One thing that happens; None where nothing does."""
    if rollout.begun is None:
        return _watched(rollout, now, gateways)
    if rollout.held is not None:
        return None
    step = rollout.current
    if step is not None and step.pause is not None:
        duration = step.pause.duration
        is_over = duration is not None and now >= rollout.begun + duration
        return next_step(rollout, now) if is_over else None
    if step is not None and step.analysis is not None:
        return _looked(rollout, now, step.analysis, evidence)
    return next_step(rollout, now)


def _watched(rollout: Rollout, now: float, gateways: Gateways) -> Advanced:
    """A step's clock begins when all gateways go by its route; they have so long to."""
    if gateways.ready:
        ready = Event("ready", {"gateways": gateways.live, "revision": rollout.revision})
        return Advanced(rollout.with_(begun=now, waited=0.0, seen=None), events=(ready,))
    gap = 0.0 if rollout.seen is None else min(max(now - rollout.seen, 0.0), _LONGEST_GAP)
    rollout = rollout.with_(waited=rollout.waited + gap, seen=now)
    if rollout.waited < rollout.progress_deadline_seconds:
        return Advanced(rollout)
    if gateways.live:
        told = f"{gateways.behind} of {gateways.live} gateways have not taken it up"
    else:
        told = "no gateway has taken it up"
    deadline = f"delivery.progress_deadline_seconds is {rollout.progress_deadline_seconds:g}"
    errors = f": {gateways.errors}" if gateways.errors else ""
    return aborted(rollout, f"{told} ({deadline}){errors}")


def _looked(
    rollout: Rollout, now: float, analysis: Analysis, evidence: Sequence[Measurement]
) -> Advanced | None:
    """A look, if it is time for one, and what follows from all of this step."""
    if not is_look_due(rollout, now):
        return None
    from taxiway.delivery.analysis.verdict import take_look  # SciPy, which only a look needs

    alpha = analysis.alpha / max(rollout.analyses, 1)
    look = take_look(analysis, *measured_of(rollout, evidence), alpha, now)
    rollout = rollout.with_(
        counts={**rollout.counts, look.verdict: rollout.counts.get(look.verdict, 0) + 1},
        looked=now,
        looks=(*rollout.looks, look)[-KEPT_LOOKS:],
    )
    return _concluded(rollout, now, analysis, look)


def _concluded(rollout: Rollout, now: float, analysis: Analysis, look: Look) -> Advanced:
    told = (Event("look", {"step": rollout.step, **look.to_json()}),)
    counts = rollout.counts
    if counts.get("failure", 0) > analysis.failureLimit:
        return _after(told, aborted(rollout, f"analysis failed: {look.reason()}"))
    if rollout.phase == "Inconclusive":  # someone is to decide; only a bad version does not wait
        return Advanced(rollout, events=told)
    if counts.get("success", 0) >= analysis.count:
        return _after(told, next_step(rollout, now))
    if counts.get("inconclusive", 0) > analysis.inconclusiveLimit:
        why = f"analysis told nothing {counts['inconclusive']} times: {look.reason()}"
        rollout = rollout.with_(phase="Inconclusive", reason=why)
        return Advanced(rollout, events=(*told, Event("inconclusive", {"reason": why})))
    return Advanced(rollout, events=told)


def measured_of(rollout: Rollout, evidence: Sequence[Measurement]) -> tuple[Measured, Measured]:
    """What was measured of the stable and of the new version, by the current revision.

    Of an earlier one it is not comparable: with other shares, a day's ups and downs fall on the
    versions unevenly.
    """
    segment: Segment = AUDIENCE if rollout.shape.slots else SHADOW
    since = rollout.revision
    return (
        summed(evidence, rollout.stable, AUDIENCE, since),
        summed(evidence, rollout.version, segment, since),
    )


def next_step(rollout: Rollout, now: float, event: Event | None = None) -> Advanced:
    """Begins the step after the current one; after the last one, all traffic.

    Args:
      event: why, where it is not that the current one is over.
    """
    first = () if event is None else (event,)
    index = rollout.step + 1
    if index >= len(rollout.steps):
        return _after(first, promoted(rollout, "all steps are done"))
    step = rollout.steps[index]
    move = moved_by(step)
    shape = move(rollout.shape) if move is not None else rollout.shape
    moves = shape != rollout.shape
    phase: Phase = "Progressing" if step.pause is None else "Paused"
    rollout = rollout.with_(
        step=index,
        phase=phase,
        shape=shape,
        since=now,
        begun=None if moves else now,
        waited=0.0,
        seen=None,
        held=None,
        counts={},
        looked=None,
        looks=() if step.analysis is not None else rollout.looks,
        reason=in_words(step),
    )
    began = Event("step", {"step": index, "is": in_words(step), "weight": shape.weight})
    action = f"rollout.{action_of(step)}" if moves else ""
    return Advanced(rollout, shape if moves else None, action, (*first, began))


def promoted(rollout: Rollout, reason: str, by: str = "") -> Advanced:
    """All traffic to the new version: the end."""
    ended = rollout.with_(phase="Healthy", step=len(rollout.steps), shape=TO_NEW, reason=reason)
    event = Event("promoted", {"reason": reason} | ({"by": by} if by else {}))
    return Advanced(ended, TO_NEW, "rollout.promote", (event,))


def aborted(rollout: Rollout, reason: str, by: str = "") -> Advanced:
    """All traffic back to the stable version: the end."""
    ended = rollout.with_(phase="Degraded", shape=TO_STABLE, reason=reason)
    event = Event("aborted", {"reason": reason} | ({"by": by} if by else {}))
    return Advanced(ended, TO_STABLE, "rollout.abort", (event,))


def stuck(rollout: Rollout, reason: str) -> Advanced:
    """Traffic can go neither on nor back: it stays, and waits for someone."""
    if (rollout.phase, rollout.reason) == ("Inconclusive", reason):
        return Advanced(rollout)
    waits = rollout.with_(phase="Inconclusive", reason=reason)
    return Advanced(waits, events=(Event("inconclusive", {"reason": reason}),))


def _left_to(rollout: Rollout, route: Revision) -> Advanced:
    """Somebody moved the route by hand: it is theirs, and stays as they put it."""
    arms = [arm for arm in route.route.arms if arm.slots]
    reason = f"moved by {route.moved_by}: {route.action}"
    if [arm.version for arm in arms] == [rollout.version] and not route.route.audience:
        ended = rollout.with_(phase="Healthy", step=len(rollout.steps), shape=TO_NEW, reason=reason)
        return Advanced(ended, events=(Event("promoted", {"reason": reason}),))
    event = Event("aborted", {"reason": reason, "revision": route.route.revision})
    return Advanced(rollout.with_(phase="Degraded", reason=reason), events=(event,))


def _after(events: tuple[Event, ...], made: Advanced) -> Advanced:
    return replace(made, events=(*events, *made.events))
