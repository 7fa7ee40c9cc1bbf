"""Moves of traffic: to one version at once, by weights, and back; each in one change.

What moves is the routing table only: a version has to be at a place that gateways load from. A
move is refused where the route has moved since whoever asks looked at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sqlalchemy import Connection

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.approval.states import in_environment, require_approved
from taxiway.registry.catalog.references import find
from taxiway.registry.database.session import Change
from taxiway.registry.deploy.history import record_move
from taxiway.registry.routes.placed import placed_last
from taxiway.registry.routes.records import (
    NO_EXTRAS,
    Extras,
    Revision,
    current,
    extras_of,
    read_revision,
    write,
)
from taxiway.registry.routes.route import SLOTS, STABLE, WHOLE, Arm, Route, allocate
from taxiway.registry.versions.records import ModelVersion

STEPS: Final = frozenset(
    f"rollout.{step}" for step in ("load", "set_weight", "set_audience", "set_mirror")
)
"""Actions of the moves that a rollout makes on its way."""


@dataclass(frozen=True)
class Move:
    """What a move made of a route."""

    before: Route
    after: Route

    @property
    def moved(self) -> bool:
        """False where the route was so already."""
        return self.before.revision != self.after.revision

    def to_json(self) -> dict[str, Any]:
        """As people and scripts read it."""
        before, after = self.before, self.after
        arms = [arm.to_json() for arm in before.arms]
        return {
            "model": after.model,
            "environment": after.environment,
            "moved": self.moved,
            "revision": after.revision,
            "arms": [arm.to_json() for arm in after.arms],
            "before": {"revision": before.revision, "arms": arms},
        }


def promote(
    change: Change,
    version: ModelVersion,
    environment: str,
    expected: int | None = None,
    reason: str = "",
) -> Move:
    """Gives a version all traffic at once.

    Args:
      expected: the revision that the route is at, as far as the caller knows; None for any.

    Raises:
      NotApproved: it may not serve there.
      TaxiwayError: it is at no place, nothing serves, or the route has moved.
    """
    connection, model = change.connection, version.candidate.model
    before = _as_expected(connection, model, environment, expected)
    require_approved(connection, version, environment)
    arm = _arm(connection, before.route, version)
    arms = [Arm(STABLE, arm.version, arm.number, arm.place, WHOLE)]
    return _move(change, before, arms, "promote", version.subject, reason)


def set_weights(
    change: Change,
    model: str,
    environment: str,
    weights: Sequence[tuple[ModelVersion, int]],
    expected: int | None = None,
    reason: str = "",
) -> Move:
    """Splits the traffic; keys keep their version as far as the weights let them.

    The stable version stays the stable one where it is among them; else the first of the highest
    weight is.

    Args:
      weights: slots of each version, of which there are 10,000; see `parse_weight`.
      expected: as of `promote`.

    Raises:
      ConfigError: they are not 100 percent, or a version is named twice.
      NotApproved: one may not serve there.
      TaxiwayError: as of `promote`.
    """
    _check(model, weights)
    before = _as_expected(change.connection, model, environment, expected)
    found = {}
    for version, _ in weights:
        require_approved(change.connection, version, environment)
        found[version.name] = _arm(change.connection, before.route, version)
    wanted = {version.name: slots for version, slots in weights}
    stable = before.route.stable.version
    if stable not in wanted:
        stable = max(wanted, key=lambda name: wanted[name])
    ranges = allocate({arm.version: arm.ranges for arm in before.route.arms}, wanted)
    arms = [
        Arm(STABLE if name == stable else name, name, arm.number, arm.place, ranges[name])
        for name, arm in sorted(found.items(), key=lambda item: item[0] != stable)
    ]
    return _move(change, before, arms, "weights", model, reason)


def undo(
    change: Change, model: str, environment: str, expected: int | None = None, reason: str = ""
) -> Move:
    """Goes back to the route before the last move that was not undone; each key gets what it had.

    Undone twice, it goes back by two moves: what was undone does not come back by itself.

    Args:
      expected: as of `promote`.

    Raises:
      NotApproved: a version of the route before may not serve any more.
      TaxiwayError: there was no route before, nothing serves, or the route has moved.
    """
    connection = change.connection
    before = _as_expected(connection, model, environment, expected)
    target = undo_target(connection, before)
    if target is None:
        raise TaxiwayError(
            f"{model} had no other route{in_environment(environment)} before revision "
            f"{before.route.revision}, so there is none to go back to"
        )
    for arm in target.route.arms:
        require_approved(connection, find(connection, f"{model}/{arm.version}"), environment)
    arms, restored = target.route.arms, target.route.revision
    subject, extras = f"{model}/{target.route.stable.version}", extras_of(target.route)
    return _move(change, before, arms, "undo", subject, reason, restored, extras)


def shape(
    change: Change,
    model: str,
    environment: str,
    weights: Sequence[tuple[ModelVersion, int]],
    extras: Extras,
    action: str,
    expected: int | None = None,
    reason: str = "",
) -> Move:
    """Splits the traffic as `set_weights` does, and says the rest of a route: of rollouts and
    experiments.

    Args:
      weights: as of `set_weights`; the first is the stable version, and may have 0 slots.
      extras: beside the arms.
      action: for the history and the audit: `rollout.set_weight`, `experiment.start`, ...
      expected: as of `promote`.

    Raises:
      ConfigError: the weights are not 100 percent, or a version is named twice.
      NotApproved: one may not serve there.
      TaxiwayError: as of `promote`.
    """
    _check(model, weights)
    before = _as_expected(change.connection, model, environment, expected)
    found = {}
    for version, _ in weights:
        require_approved(change.connection, version, environment)
        found[version.name] = _arm(change.connection, before.route, version)
    same_salt = extras.salt in ("", before.route.salt)
    there = {arm.version: arm.ranges for arm in before.route.arms} if same_salt else {}
    ranges = allocate(there, {version.name: slots for version, slots in weights})
    stable = weights[0][0].name
    arms = [
        Arm(STABLE if name == stable else name, name, arm.number, arm.place, ranges[name])
        for name, arm in found.items()
    ]
    return _move(change, before, arms, action, model, reason, extras=extras)


def undo_target(connection: Connection, now: Revision) -> Revision | None:
    """What `undo` would go back to; None where there was nothing before.

    The steps of a rollout are one move: what it left between two of them is no way back, but what
    was there before it is, or, where that is how it is again, what was there before that.
    """
    model, environment = now.route.model, now.route.environment
    at: Revision | None = now
    while at is not None and at.restores:  # the route of an undo is that of another revision
        at = read_revision(connection, model, environment, at.restores)
    if at is None:
        return None
    while (at := read_revision(connection, model, environment, at.route.revision - 1)) is not None:
        if at.action not in STEPS and not _is_as(at.route, now.route):
            return at
    return None


def _is_as(one: Route, other: Route) -> bool:
    """Whether traffic is split alike."""
    return one.arms == other.arms and extras_of(one) == extras_of(other)


def parse_weight(text: str) -> int:
    """Percent, with two decimals at most, to slots.

    Raises:
      ConfigError: it is none above 0 and up to 100.
    """
    try:
        slots = Decimal(text.strip().removesuffix("%")) * SLOTS / 100
        if 1 <= slots <= SLOTS and slots == int(slots):
            return int(slots)
    except (InvalidOperation, ValueError, OverflowError):
        pass
    raise ConfigError(
        f"received the weight '{text[:40]}', expected percent from 0.01 to 100 with two decimals "
        "at most; leave out what shall have none",
        edit="VERSION=PERCENT, such as 1.2.7=90 1.3.0=10",
    )


def _check(model: str, weights: Sequence[tuple[ModelVersion, int]]) -> None:
    edit = "VERSION=PERCENT, such as 1.2.7=90 1.3.0=10"
    names = [version.name for version, _ in weights]
    for version, _ in weights:
        if version.candidate.model != model:
            raise ConfigError(f"{version.subject} is not a version of {model}", edit=edit)
        if names.count(version.name) > 1:
            raise ConfigError(f"{version.subject} has more than one weight", edit=edit)
    total = sum(slots for _, slots in weights)
    if total != SLOTS:
        raise ConfigError(f"the weights are {total * 100 / SLOTS:g}, expected 100", edit=edit)


def _as_expected(
    connection: Connection, model: str, environment: str, expected: int | None
) -> Revision:
    """The current route.

    Raises:
      TaxiwayError: there is none, or it is at another revision.
    """
    found = current(connection, model, environment)
    if found is None:
        raise TaxiwayError(
            f"no version of {model} serves{in_environment(environment)}, so there is no traffic to "
            "move",
            edit="`taxiway deploy` or `taxiway serve`, which give it to what waits in the queue",
        )
    if expected is not None and expected != found.route.revision:
        raise TaxiwayError(
            f"the route of {model}{in_environment(environment)} is at revision "
            f"{found.route.revision}, and {expected} was expected: {found.moved_by} moved it at "
            f"{found.moved_at} ({found.action} to {in_words(found.route)})",
            edit="`taxiway rollout status`, and then the command again if it is still right",
        )
    return found


def in_words(route: Route) -> str:
    """Such as `1.2.7 90%, 1.3.0 10%`."""
    return ", ".join(f"{arm.version} {arm.weight:g}%" for arm in route.arms)


def _arm(connection: Connection, route: Route, version: ModelVersion) -> Arm:
    """A version where gateways load it from: where it serves now, or did last.

    Raises:
      TaxiwayError: it never did.
    """
    for arm in route.arms:
        if arm.version == version.name:
            return arm
    found = placed_last(connection, route.model, route.environment, version.name)
    if found is None:
        raise TaxiwayError(
            f"{version.subject} was never deployed{in_environment(route.environment)}, so gateways "
            "have nothing to load",
            edit="`taxiway serve` or `taxiway deploy`, which publish what waits in the queue",
        )
    return Arm(version.name, version.name, found.number, found.place, ())


def _move(
    change: Change,
    before: Revision,
    arms: Sequence[Arm],
    action: str,
    subject: str,
    reason: str,
    restores: int = 0,
    extras: Extras = NO_EXTRAS,
) -> Move:
    route = before.route
    extras = replace(extras, salt=extras.salt or route.salt)
    if tuple(arms) == route.arms and extras == extras_of(route):
        return Move(route, route)
    where = (route.model, route.environment)
    after = write(change, before, *where, arms, action, reason, restores, extras)
    record_move(change, after, action, reason)
    told = _told(after) | ({"restores": restores} if restores else {})
    name = action if "." in action else f"rollout.{action}"
    change.record(name, subject, _told(route), told, reason)
    return Move(route, after)


def _told(route: Route) -> dict[str, Any]:
    """As the audit has it."""
    weights = {arm.version: arm.weight for arm in route.arms}
    return {
        "environment": route.environment,
        "revision": route.revision,
        "stable": route.stable.version,
        "weights": weights,
    } | _extras_told(route)


def _extras_told(route: Route) -> dict[str, Any]:
    """What there is beside the arms."""
    mirror, policy = route.mirror, route.policy
    found = {
        "audience": [asdict(one) for one in route.audience],
        "mirror": mirror and {"version": mirror.version, "share": mirror.share},
        "policy": policy and asdict(policy),
    }
    return {name: value for name, value in found.items() if value}
