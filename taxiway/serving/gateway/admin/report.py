"""The status document: what the page shows and scripts read, as plain values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from taxiway.registry.database.tables import now as time_now
from taxiway.serving.gateway.metrics.recorder import Recent, Recorder
from taxiway.serving.gateway.status import ModelStatus, Operated


def report(gateway: Operated, recorder: Recorder, now: float) -> dict[str, Any]:
    """How the gateway is, and what happened to its requests in about the last minute.

    Args:
      gateway: that is asked.
      recorder: of its requests.
      now: on the clock of the recorder's ticks.
    """
    status = gateway.status()
    return {
        "time": time_now(),
        "ready": gateway.ready(),
        "in_flight": status.in_flight,
        "routing_age_seconds": round(status.routing_age_seconds, 3),
        "decisions": dict(status.decisions),
        "rewards": dict(status.rewards),
        "waiting": dict(status.waiting),
        "models": [_model(model, recorder, now) for model in status.models],
    }


def _model(model: ModelStatus, recorder: Recorder, now: float) -> dict[str, Any]:
    versions = [
        asdict(one) | {"recent": _recent(recorder.recent(model.name, now, one.version))}
        for one in model.versions
    ]
    return {
        "name": model.name,
        "revision": model.revision,
        "rollout": model.rollout and asdict(model.rollout),
        "audience": list(model.audience),
        "mirror": model.mirror,
        "mirror_share": model.mirror_share,
        "policy": model.policy,
        "recent": _recent(recorder.recent(model.name, now)),
        "versions": versions,
    }


def _recent(recent: Recent) -> dict[str, Any]:
    rate = recent.requests / recent.seconds if recent.seconds > 0 else 0.0
    return {
        "seconds": round(recent.seconds, 1),
        "requests": recent.requests,
        "requests_per_second": round(rate, 2),
        "errors": recent.errors,
        "error_rate": round(recent.errors / recent.requests, 6) if recent.requests else 0.0,
        "p50_ms": _milliseconds(recent.p50),
        "p99_ms": _milliseconds(recent.p99),
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
