"""The gateway's metrics by their own names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from taxiway.serving.gateway.metrics.histogram import Histogram
from taxiway.serving.gateway.metrics.recorder import OK, Recorder
from taxiway.serving.gateway.status import Status


def add_histogram(
    family: HistogramMetricFamily, labels: Sequence[str], values: Histogram, scale: float = 1.0
) -> None:
    """Adds a histogram's sample to a family, in units `scale` times as small."""
    family.add_metric(labels, values.buckets(scale), values.total * scale)


def of_requests(recorder: Recorder) -> Iterator[Metric]:
    """What was counted of requests."""
    requests = CounterMetricFamily(
        "taxiway_requests",
        "Requests that were answered or refused, by gRPC's name of the status.",
        labels=("model", "version", "arm", "code", "protocol"),
    )
    seconds = HistogramMetricFamily(
        "taxiway_request_seconds",
        "From when a request came to when its answer was there; of those that were answered.",
        labels=("model", "version", "arm", "protocol"),
    )
    rows = CounterMetricFamily(
        "taxiway_rows", "Rows that were answered.", labels=("model", "version", "arm")
    )
    summed: dict[tuple[str, str, str], float] = {}
    for labels, cell in list(recorder.cells.items()):
        requests.add_metric(labels, cell.latency.count)
        if labels.code == OK:
            own = labels[:3]
            summed[own] = summed.get(own, 0.0) + cell.rows.total
            add_histogram(seconds, (*own, labels.protocol), cell.latency)
    for own, total in summed.items():
        rows.add_metric(own, total)
    batches = HistogramMetricFamily(
        "taxiway_batch_rows", "Rows of one call of a model.", labels=("model", "version")
    )
    for key, histogram in list(recorder.batches.items()):
        add_histogram(batches, key, histogram)
    fallbacks = CounterMetricFamily(
        "taxiway_fallbacks",
        "Requests that another arm answered than the one chosen first, which had failed.",
        labels=("model", "chosen", "arm"),
    )
    for moved, count in list(recorder.fallbacks.items()):
        fallbacks.add_metric(moved, count)
    yield from (requests, seconds, rows, batches, fallbacks)


def of_status(status: Status, ready: bool) -> Iterator[Metric]:
    """How the gateway is at this moment."""
    yield GaugeMetricFamily("taxiway_ready", "Whether every model answers.", float(ready))
    yield GaugeMetricFamily(
        "taxiway_requests_in_flight", "Requests that wait for their answer.", status.in_flight
    )
    revision = GaugeMetricFamily(
        "taxiway_route_revision", "Of the route that this gateway goes by.", labels=("model",)
    )
    for model in status.models:
        revision.add_metric((model.name,), model.revision)
    yield revision
    yield GaugeMetricFamily(
        "taxiway_routing_age_seconds",
        "Since this gateway last looked for newer routes.",
        status.routing_age_seconds,
    )
    decisions = CounterMetricFamily(
        "taxiway_decisions", "Of the decision log, by what happened to them.", labels=("state",)
    )
    for state, count in status.decisions.items():
        decisions.add_metric((state,), count)
    yield decisions
    yield from _of_versions(status)


def _of_versions(status: Status) -> Iterator[Metric]:
    names = ("model", "version")
    state = GaugeMetricFamily(
        "taxiway_version_state",
        "1 for the state that a version is in, as TensorFlow Serving names it.",
        labels=(*names, "state"),
    )
    weight = GaugeMetricFamily(
        "taxiway_version_weight",
        "Share of the traffic that names no version.",
        labels=(*names, "arm"),
    )
    queued = GaugeMetricFamily("taxiway_queued_rows", "Rows that wait for it.", labels=names)
    memory = GaugeMetricFamily(
        "taxiway_worker_resident_memory_bytes", "Of the version's worker.", labels=names
    )
    restarts = CounterMetricFamily(
        "taxiway_worker_restarts", "How often its worker was replaced.", labels=names
    )
    for model in status.models:
        for one in model.versions:
            labels = (model.name, one.version)
            state.add_metric((*labels, one.state), 1.0)
            weight.add_metric((*labels, one.arm), one.weight)
            queued.add_metric(labels, one.queued_rows)
            restarts.add_metric(labels, one.restarts)
            if one.memory_bytes is not None:
                memory.add_metric(labels, one.memory_bytes)
    yield from (state, weight, queued, memory, restarts)
