"""A model's traffic, its rollout, and what was measured, from the registry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Connection

from taxiway.delivery.evidence.measured import Measured
from taxiway.delivery.evidence.records import (
    AUDIENCE,
    SHADOW,
    Measurement,
    read_measurements,
    summed,
)
from taxiway.delivery.experiment.judging.model_metrics import model_metrics
from taxiway.delivery.experiment.judging.plain import finite
from taxiway.delivery.rollout.records import events_of, rollouts_of
from taxiway.delivery.rollout.state import Rollout
from taxiway.registry.database.session import Database
from taxiway.registry.routes.moves import undo_target
from taxiway.registry.routes.records import Revision, newest_revisions
from taxiway.registry.routes.route import Route
from taxiway.serving.gateway.admin.delivered.documents import (
    ArmMeasured,
    ArmOfRoute,
    MeanReward,
    RolloutDocument,
    RouteDocument,
    ShadowMeasured,
)

MOVES: Final = 20
EVENTS: Final = 100
"""The newest, of which a page shows some; `taxiway rollout history` has all."""


def rollout_document(database: Database, model: str) -> RolloutDocument:
    """How a model's traffic is moved; waits for the registry.

    Raises:
      TaxiwayError: it cannot be read.
    """
    environment = database.settings.environment
    with database.reading() as connection:
        moves = newest_revisions(connection, model, environment, MOVES)
        now = moves[0] if moves else None
        before = now and undo_target(connection, now)
        rollouts = rollouts_of(connection, model, environment, 1)
        rollout = rollouts[0] if rollouts else None
        since = _since(now, rollout)
        found = read_measurements(connection, model, environment, since)
        told = None if rollout is None else _rollout(connection, rollout)
    return RolloutDocument(
        model=model,
        environment=environment,
        route=None if now is None else _route(now),
        undo=_arms(before.route) if before else [],
        rollout=told,
        measured_since=since,
        arms=list(_measured(found)),
        shadow=_shadow(found),
        moves=[_route(one) for one in moves],
    )


def _since(now: Revision | None, rollout: Rollout | None) -> int:
    """The first revision that what is shown is of: the open rollout's, else the route's."""
    if now is None:
        return 1
    if rollout is not None and rollout.is_open:
        return rollout.first_revision
    return now.route.revision


def _route(found: Revision) -> RouteDocument:
    route, mirror = found.route, found.route.mirror
    return RouteDocument(
        revision=route.revision,
        arms=_arms(route),
        audience=[one.words for one in route.audience],
        mirror=mirror.version if mirror else "",
        mirror_percent=mirror.share * 100 if mirror else 0.0,
        policy=str(route.policy.policy.get("kind", "")) if route.policy else "",
        action=found.action,
        moved_by=found.moved_by,
        moved_at=found.moved_at,
        reason=found.reason,
    )


def _arms(route: Route) -> list[ArmOfRoute]:
    return [ArmOfRoute(name=arm.name, version=arm.version, weight=arm.weight) for arm in route.arms]


def _rollout(connection: Connection, rollout: Rollout) -> dict[str, Any]:
    events = [one.to_json() for one in events_of(connection, rollout.id, EVENTS)]
    told: dict[str, Any] = finite(rollout.to_json() | {"events": events})
    return told


def _measured(found: Iterable[Measurement]) -> Iterable[ArmMeasured]:
    """Of each version and kind of request that any gateway has measured, in the order they came."""
    found = list(found)
    for version, segment in dict.fromkeys((one.of.version, one.of.segment) for one in found):
        one = summed(found, version, segment)
        metrics: dict[str, Any] = finite(asdict(model_metrics(one)))
        rewards = {
            name: MeanReward(count=came.count, mean=finite(came.mean))
            for name, came in sorted(one.rewards.items())
        }
        yield ArmMeasured(version=version, segment=segment, rewards=rewards, **metrics)


def _shadow(found: Iterable[Measurement]) -> ShadowMeasured | None:
    """Beside the versions whose answers were sent; None where nothing was copied."""
    found = list(found)
    version = next((one.of.version for one in found if one.of.segment == SHADOW), None)
    if version is None:
        return None
    copies = summed(found, version, SHADOW)
    pairs, of_shadow = copies.pairs, model_metrics(copies)
    others = {one.of.version for one in found if one.of.version != version}
    primary = model_metrics(sum((summed(found, one, AUDIENCE) for one in others), Measured()))
    return ShadowMeasured(
        version=version,
        compared=pairs.compared,
        agreement=pairs.agreed / pairs.compared if pairs.compared else None,
        drift=finite(pairs.drift.mean),
        dropped=pairs.dropped,
        latency_p50_ms=finite(of_shadow.latency_p50_ms),
        latency_p99_ms=finite(of_shadow.latency_p99_ms),
        primary_p50_ms=finite(primary.latency_p50_ms),
        primary_p99_ms=finite(primary.latency_p99_ms),
    )
