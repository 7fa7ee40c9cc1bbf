"""Moves rollouts in the registry: what machine.py finds, and the route, in one transaction.

Whoever is killed in it has changed nothing, and whoever comes next, by the lease or a command,
finds state and route as they belong together.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Connection

from taxiway.delivery.evidence.records import read_measurements
from taxiway.delivery.lease import take_lease
from taxiway.delivery.rollout.machine import (
    Advanced,
    Gateways,
    aborted,
    advance,
    is_look_due,
    stuck,
)
from taxiway.delivery.rollout.records import (
    add_events,
    insert_rollout,
    models_with_open_rollouts,
    open_rollout,
    update_rollout,
)
from taxiway.delivery.rollout.state import Event, Rollout
from taxiway.delivery.rollout.steps import Shape
from taxiway.delivery.section import Delivery
from taxiway.errors import TaxiwayError
from taxiway.registry.approval.states import NotApproved, in_environment, require_approved
from taxiway.registry.auth.actor import Actor, Permission, require
from taxiway.registry.catalog.references import find
from taxiway.registry.database.session import Change, Database
from taxiway.registry.routes.gateways import live_gateways
from taxiway.registry.routes.moves import in_words, shape
from taxiway.registry.routes.placed import placed_last
from taxiway.registry.routes.records import Extras, Revision, current
from taxiway.registry.routes.route import SLOTS, Mirror, Route
from taxiway.registry.versions.records import ModelVersion

Clock = Callable[[], float]
Request = Callable[[Rollout, float], Advanced]


def lease_of(model: str, environment: str) -> str:
    """The name of the lease under which a model's rollout is moved on."""
    return f"rollout:{model}:{environment}"


def start(
    change: Change,
    version: ModelVersion,
    environment: str,
    delivery: Delivery,
    reason: str = "",
    clock: Clock = time.time,
) -> Rollout:
    """Begins one, within a change: gateways load the version, and its steps follow.

    Args:
      version: that is at a place which gateways load from; see `moves.shape`.
      delivery: its strategy and deadline are kept, whatever the config says later.
      clock: seconds since the epoch.

    Raises:
      NotApproved: it may not serve there.
      TaxiwayError: another rollout is open, the version serves already, or traffic is split.
    """
    connection, model = change.connection, version.candidate.model
    route = _startable(connection, version, environment)
    rollout = Rollout(
        id=0,
        model=model,
        environment=environment,
        version=version.name,
        stable=route.stable.version,
        strategy=delivery.strategy,
        progress_deadline_seconds=delivery.progress_deadline_seconds,
        since=clock(),
        reason=reason or "the new version is loaded",
        started_by=change.actor.name,
    )
    rollout = insert_rollout(connection, rollout)
    told = {"by": change.actor.name, "strategy": rollout.strategy.kind, "stable": rollout.stable}
    told |= {"reason": reason} if reason else {}
    change.record(
        "rollout.start",
        version.subject,
        None,
        {**told, "environment": environment, "rollout": rollout.id},
        reason,
    )
    loading = Advanced(rollout, rollout.shape, "rollout.load", (Event("started", told),))
    return _apply(change, rollout, loading, route.revision)


def request(
    change: Change,
    model: str,
    environment: str,
    asked: Request,
    action: str,
    clock: Clock = time.time,
    reason: str = "",
) -> Rollout:
    """Does what someone asks of the open rollout, within a change.

    Args:
      asked: one of requests.py, given all but the rollout and the time.
      action: for the audit: pause, resume, promote or abort.

    Raises:
      NotApproved: the version may not serve any more, or not yet.
      TaxiwayError: none is open, it has been moved by hand, or cannot do that.
    """
    connection = change.connection
    rollout = open_rollout(connection, model, environment)
    if rollout is None:
        raise TaxiwayError(
            f"no rollout of {model}{in_environment(environment)} is open",
            edit="`taxiway rollout start`; `taxiway rollout history` has those that ended",
        )
    made = asked(rollout, clock())
    if made.action != f"rollout.{action}":  # else the move says so
        before = {"environment": environment, "phase": rollout.phase, "step": rollout.step}
        after = before | {"phase": made.rollout.phase, "step": made.rollout.step}
        change.record(f"rollout.{action}", rollout.subject, before, after, reason)
    return _apply(change, rollout, made, rollout.revision)


def tick(
    database: Database,
    actor: Actor,
    model: str,
    environment: str,
    holder: str,
    lease_seconds: float,
    clock: Clock = time.time,
) -> Rollout | None:
    """Moves the open rollout of a model on, if it is this holder's to move.

    Args:
      actor: who moves traffic, as the audit has it.
      holder: who asks, such as a gateway's id; see `take_lease`.
      lease_seconds: for how long others leave it to the holder.
      clock: seconds since the epoch.

    Returns:
      The rollout as it stands now; None where none is open, or another holds it.

    Raises:
      NotAllowed: the actor may not deploy.
    """
    with database.reading() as connection:
        if model not in models_with_open_rollouts(connection, environment):
            return None
    with database.working() as connection:
        name = lease_of(model, environment)
        if not take_lease(connection, name, holder, lease_seconds, clock):
            return None
        require(actor, Permission.DEPLOY, connection)
        rollout = open_rollout(connection, model, environment)
        if rollout is None:
            return None
        return _tick(Change(connection, actor), rollout, clock())


def _tick(change: Change, rollout: Rollout, now: float) -> Rollout:
    connection = change.connection
    route = current(connection, rollout.model, rollout.environment)
    if route is None:
        return _apply(change, rollout, stuck(rollout, "it has no route"), rollout.revision)
    made = advance(rollout, now, (), route, Gateways(0)) if _moved(rollout, route) else None
    if made is None:
        try:
            _require(connection, rollout)
        except NotApproved as error:
            made = aborted(rollout, error.message)
    if made is None:
        where = (rollout.model, rollout.environment, rollout.revision)
        evidence = read_measurements(connection, *where) if is_look_due(rollout, now) else ()
        made = advance(rollout, now, evidence, route, _gateways(connection, route.route))
    try:
        return _apply(change, rollout, made, rollout.revision)
    except NotApproved as error:  # of the stable version: there is no way back either
        return _apply(change, rollout, stuck(rollout, error.message), rollout.revision)


def _apply(change: Change, before: Rollout, made: Advanced, expected: int) -> Rollout:
    """Writes what became of a rollout, and moves the route where that is asked for.

    Raises:
      NotApproved: a version of the move may not serve.
      TaxiwayError: the route is not at the expected revision.
    """
    rollout = made.rollout
    if made.shape is not None:
        route = _shape(change, rollout, made.shape, made.action, expected)
        rollout = rollout.with_(
            revision=route.revision, first_revision=rollout.first_revision or route.revision
        )
    elif before.is_open and not rollout.is_open:  # moved by hand, which is in the audit by itself
        subject = rollout.subject
        change.record("rollout.ended", subject, before.phase, rollout.phase, rollout.reason)
    if rollout != before or made.events:
        rollout = update_rollout(change.connection, rollout)
        add_events(change.connection, rollout.id, made.events)
    return rollout


def _shape(change: Change, rollout: Rollout, wanted: Shape, action: str, expected: int) -> Route:
    """Moves the route."""
    connection, model = change.connection, rollout.model
    stable = find(connection, f"{model}/{rollout.stable}")
    new = find(connection, f"{model}/{rollout.version}")
    extras = Extras(wanted.audience)
    if wanted.traffic == "split":
        weights = [(stable, SLOTS - wanted.slots), (new, wanted.slots)]
        if wanted.mirror:
            place = placed_last(connection, model, rollout.environment, new.name)
            assert place is not None  # or it could not have been loaded
            mirror = Mirror(new.name, place.number, place.place, wanted.mirror)
            extras = Extras(wanted.audience, mirror)
    else:
        weights = [(new if wanted.traffic == "new" else stable, SLOTS)]
    where = (model, rollout.environment)
    return shape(change, *where, weights, extras, action, expected, rollout.reason).after


def _startable(connection: Connection, version: ModelVersion, environment: str) -> Route:
    """The route, from which a rollout of a version can begin.

    Raises:
      NotApproved: it may not serve there.
      TaxiwayError: it cannot begin.
    """
    model, place = version.candidate.model, in_environment(environment)
    there = open_rollout(connection, model, environment)
    if there is not None:
        raise TaxiwayError(
            f"a rollout of {there.subject}{place} is open: {there.phase} since it was started by "
            f"{there.started_by} at {there.started_at}",
            edit="`taxiway rollout abort`, or `taxiway rollout promote --full`",
        )
    require_approved(connection, version, environment)
    found = current(connection, model, environment)
    if found is None:
        raise TaxiwayError(
            f"no version of {model} serves{place}, so there is none to compare with",
            edit="`taxiway deploy` or `taxiway serve`, which give all traffic to the first one",
        )
    route = found.route
    if route.stable.version == version.name:
        raise TaxiwayError(f"{version.subject} is what serves{place} already")
    if route.policy is not None:
        raise TaxiwayError(
            f"an experiment splits the traffic of {model}{place}",
            edit="`taxiway experiment stop`",
        )
    if any(arm.slots for arm in route.arms[1:]):
        raise TaxiwayError(
            f"the traffic of {model}{place} is split by hand: {in_words(route)}",
            edit=f"`taxiway rollout promote {route.stable.version}`, and start it then",
        )
    return route


def _moved(rollout: Rollout, route: Revision) -> bool:
    return route.route.revision != rollout.revision


def _require(connection: Connection, rollout: Rollout) -> None:
    require_approved(connection, find(connection, rollout.subject), rollout.environment)


def _gateways(connection: Connection, route: Route) -> Gateways:
    live = live_gateways(connection, route.model, route.environment)
    behind = [one for one in live if not one.has_taken_up(route)]
    told = {f"{one.host}:{one.pid}": one.error_of(route) for one in behind}
    errors = [f"{gateway} says {error}" for gateway, error in told.items() if error]
    return Gateways(len(live), len(behind), "; ".join(errors))
