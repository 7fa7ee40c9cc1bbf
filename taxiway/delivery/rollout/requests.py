"""What people ask of an open rollout: pause, resume, promote, abort; pure, as machine.py is."""

from __future__ import annotations

from taxiway.delivery.rollout.machine import Advanced, aborted, next_step, promoted
from taxiway.delivery.rollout.state import Event, Phase, Rollout
from taxiway.errors import TaxiwayError
from taxiway.registry.approval.states import in_environment


def pause(rollout: Rollout, now: float, by: str, reason: str = "") -> Advanced:
    """Stops it where it is: no step ends and nothing is looked at until it is resumed.

    Raises:
      TaxiwayError: it waits for someone already.
    """
    if rollout.held is not None or _waits_for_someone(rollout):
        raise TaxiwayError(
            f"the rollout of {_named(rollout)} is {rollout.phase} already: {rollout.reason}",
            edit="`taxiway rollout resume`, `promote` or `abort`",
        )
    told = _told(by, reason)
    why = f"paused by {by}" + (f": {reason}" if reason else "")
    held = rollout.with_(phase="Paused", held=now, reason=why)
    return Advanced(held, events=(Event("paused", told),))


def resume(rollout: Rollout, now: float, by: str, reason: str = "") -> Advanced:
    """Goes on where it stopped: after `pause`, after a pause without an end, or looking anew.

    Raises:
      TaxiwayError: it does not wait for anyone.
    """
    resumed = Event("resumed", _told(by, reason))
    if rollout.held is not None:
        pausing = rollout.current is not None and rollout.current.pause is not None
        phase: Phase = "Paused" if pausing else "Progressing"
        begun = rollout.begun
        if begun is not None:  # the time for which it was held is no part of the step's
            begun += now - max(begun, rollout.held)
        looked = now if rollout.looked is not None else None
        why = f"resumed by {by}"
        going = rollout.with_(phase=phase, held=None, begun=begun, looked=looked, reason=why)
        return Advanced(going, events=(resumed,))
    if rollout.phase == "Inconclusive":
        why = f"resumed by {by}"
        going = rollout.with_(phase="Progressing", counts={}, looked=now, reason=why)
        return Advanced(going, events=(resumed,))
    if rollout.phase == "Paused":
        return next_step(rollout, now, resumed)
    raise TaxiwayError(
        f"the rollout of {_named(rollout)} is {rollout.phase}, so there is nothing to resume",
        edit="`taxiway rollout status`",
    )


def promote(
    rollout: Rollout, now: float, by: str, reason: str = "", full: bool = False
) -> Advanced:
    """Skips what is left of the current step, or of all.

    Args:
      full: all traffic to the new version at once, as of `kubectl argo rollouts promote --full`.
    """
    told = f"promoted by {by}" + (f": {reason}" if reason else "")
    if full:
        return promoted(rollout, told, by)
    return next_step(rollout, now, Event("skipped", {"step": rollout.step, **_told(by, reason)}))


def abort(rollout: Rollout, now: float, by: str, reason: str = "") -> Advanced:
    """All traffic back to the stable version, at once."""
    del now
    return aborted(rollout, f"aborted by {by}" + (f": {reason}" if reason else ""), by)


def _waits_for_someone(rollout: Rollout) -> bool:
    step = rollout.current
    endless = step is not None and step.pause is not None and step.pause.duration is None
    return endless or rollout.phase == "Inconclusive"


def _told(by: str, reason: str) -> dict[str, str]:
    return {"by": by} | ({"reason": reason} if reason else {})


def _named(rollout: Rollout) -> str:
    return f"{rollout.subject}{in_environment(rollout.environment)}"
