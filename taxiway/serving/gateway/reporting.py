"""How a gateway is at one moment, put together from its parts."""

from __future__ import annotations

from dataclasses import asdict

from taxiway.registry.routes.route import Route
from taxiway.serving.decisions.log import DecisionLog
from taxiway.serving.fleet.fleet import Fleet
from taxiway.serving.fleet.served_version import ServedVersion
from taxiway.serving.gateway.answering.serving_service import ServingService
from taxiway.serving.gateway.status import ModelStatus, Status, VersionStatus


def status(fleet: Fleet, service: ServingService, log: DecisionLog) -> Status:
    """What operators are told.

    Args:
      fleet: versions and routes.
      service: requests.
      log: decisions.
    """
    return Status(
        models=tuple(_model(name, fleet, service) for name in fleet.models),
        in_flight=service.in_flight,
        routing_age_seconds=fleet.routing_age_seconds,
        decisions=asdict(log.counts()),
    )


def _model(name: str, fleet: Fleet, service: ServingService) -> ModelStatus:
    route = fleet.route(name)
    labels = fleet.table.labels(name)
    versions = tuple(
        _version(one, route, labels.get(one.version, ()), service) for one in fleet.versions(name)
    )
    return ModelStatus(name, versions, 0 if route is None else route.revision)


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
