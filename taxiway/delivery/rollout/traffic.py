"""What a rollout sees and makes of the route: the one that it starts from, its moves, gateways."""

from __future__ import annotations

from sqlalchemy import Connection

from taxiway.delivery.rollout.machine import Gateways
from taxiway.delivery.rollout.records import open_rollout
from taxiway.delivery.rollout.state import Rollout
from taxiway.delivery.rollout.steps import Shape
from taxiway.delivery.under_way import require_no_experiment
from taxiway.errors import TaxiwayError
from taxiway.registry.approval.states import in_environment, require_approved
from taxiway.registry.catalog.references import find
from taxiway.registry.database.session import Change
from taxiway.registry.routes.gateways import live_gateways
from taxiway.registry.routes.moves import in_words, shape
from taxiway.registry.routes.placed import placed_last
from taxiway.registry.routes.records import Extras, current
from taxiway.registry.routes.route import SLOTS, Mirror, Route
from taxiway.registry.versions.records import ModelVersion


def move_route(
    change: Change, rollout: Rollout, wanted: Shape, action: str, expected: int
) -> Route:
    """Makes of the route what a rollout asks for, within a change.

    Args:
      action: for the history and the audit.
      expected: the revision that the route is at.

    Raises:
      NotApproved: a version of it may not serve.
      TaxiwayError: the route is at another revision.
    """
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


def route_to_start_from(connection: Connection, version: ModelVersion, environment: str) -> Route:
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
    require_no_experiment(connection, model, environment)
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
    if any(arm.slots for arm in route.arms[1:]):
        raise TaxiwayError(
            f"the traffic of {model}{place} is split by hand: {in_words(route)}",
            edit=f"`taxiway rollout promote {route.stable.version}`, and start it then",
        )
    return route


def gateways_of(connection: Connection, route: Route) -> Gateways:
    """How far those that live are with a route."""
    live = live_gateways(connection, route.model, route.environment)
    behind = [one for one in live if not one.has_taken_up(route)]
    told = {f"{one.host}:{one.pid}": one.error_of(route) for one in behind}
    errors = [f"{gateway} says {error}" for gateway, error in told.items() if error]
    return Gateways(len(live), len(behind), "; ".join(errors))
