"""How a gateway is at one moment, put together from its parts."""

from __future__ import annotations

from dataclasses import asdict

from taxiway.delivery.rollout.state import Rollout
from taxiway.delivery.rollout.steps import in_words
from taxiway.registry.routes.route import Route
from taxiway.serving.decisions.log import DecisionLog
from taxiway.serving.delivering.delivering import Delivering
from taxiway.serving.fleet.fleet import Fleet
from taxiway.serving.fleet.served_version import ServedVersion
from taxiway.serving.gateway.answering.serving_service import ServingService
from taxiway.serving.gateway.status import ModelStatus, RolloutStatus, Status, VersionStatus


def status(
    fleet: Fleet, service: ServingService, log: DecisionLog, delivering: Delivering
) -> Status:
    """What operators are told.

    Args:
      fleet: versions and routes.
      service: requests.
      log: decisions.
      delivering: rollouts and rewards.
    """
    return Status(
        models=tuple(_model(name, fleet, service, delivering) for name in fleet.models),
        in_flight=service.in_flight,
        routing_age_seconds=fleet.routing_age_seconds,
        decisions=asdict(log.counts()),
        rewards=delivering.counts,
        waiting=delivering.trouble,
    )


def _model(name: str, fleet: Fleet, service: ServingService, delivering: Delivering) -> ModelStatus:
    route = fleet.route(name)
    labels = fleet.table.labels(name)
    versions = tuple(
        _version(one, route, labels.get(one.version, ()), service) for one in fleet.versions(name)
    )
    open_one = delivering.rollouts.get(name)
    rollout = None if open_one is None else _rollout(open_one, name in delivering.held)
    if route is None:
        return ModelStatus(name, versions, rollout=rollout)
    mirror, policy = route.mirror, route.policy
    return ModelStatus(
        name,
        versions,
        route.revision,
        rollout,
        tuple(one.words for one in route.audience),
        mirror.version if mirror else "",
        mirror.share if mirror else 0.0,
        str(policy.policy.get("kind", "")) if policy else "",
    )


def _rollout(rollout: Rollout, is_held: bool) -> RolloutStatus:
    return RolloutStatus(
        id=rollout.id,
        version=rollout.version,
        stable=rollout.stable,
        strategy=rollout.strategy.kind,
        phase=rollout.phase,
        weight=rollout.shape.weight,
        step=rollout.step,
        steps=tuple(in_words(step) for step in rollout.steps),
        reason=rollout.reason,
        is_held=is_held,
    )


def _version(
    served: ServedVersion, route: Route | None, labels: tuple[str, ...], service: ServingService
) -> VersionStatus:
    arms = () if route is None else route.arms
    arm = next((one for one in arms if one.version == served.version), None)
    loaded = served.loaded
    return VersionStatus(
        version=served.version,
        number=served.number,
        state=served.state,
        error=served.error,
        labels=labels,
        arm="" if arm is None else arm.name,
        weight=0.0 if arm is None else arm.share,
        queued_rows=service.batchers.queued_rows(served),
        memory_bytes=None if loaded is None else loaded.memory_bytes,
        restarts=served.restarts,
    )
