"""The same counts by the names of TensorFlow Serving and of KServe, for dashboards that know those.

TensorFlow Serving's are in its `servables/tensorflow/util.cc`: latencies in microseconds, and its
counters end in no `_total`, which this client library would add to what it calls a counter; so they
are untyped here. Buckets are the gateway's own. KServe's are those of its Python SDK's servers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import HistogramMetricFamily, Metric, UnknownMetricFamily

from taxiway.serving.gateway.metrics.families import add_histogram
from taxiway.serving.gateway.metrics.histogram import LATENCY_BOUNDS, ROWS_BOUNDS, Histogram
from taxiway.serving.gateway.metrics.recorder import OK, Recorder

MICROSECONDS: Final = 1e6


def of_tensorflow_serving(recorder: Recorder) -> Iterator[Metric]:
    """What TensorFlow Serving's `/monitoring/prometheus/metrics` tells of requests."""
    counts: dict[tuple[str, str], int] = {}
    latencies: dict[tuple[str, str], Histogram] = {}
    examples: dict[str, Histogram] = {}
    for labels, cell in list(recorder.cells.items()):
        by_status = (labels.model, labels.code)
        counts[by_status] = counts.get(by_status, 0) + cell.latency.count
        if labels.code != OK:
            continue
        entrypoint = "GRPC" if labels.protocol.endswith("grpc") else "REST"
        by_entrypoint = latencies.setdefault((labels.model, entrypoint), Histogram(LATENCY_BOUNDS))
        by_entrypoint.add(cell.latency)
        examples.setdefault(labels.model, Histogram(ROWS_BOUNDS)).add(cell.rows)
    request_count = UnknownMetricFamily(
        ":tensorflow:serving:request_count",
        "The same as taxiway_requests_total.",
        labels=("model_name", "status"),
    )
    for by_status, count in counts.items():
        request_count.add_metric(by_status, count)
    request_latency = HistogramMetricFamily(
        ":tensorflow:serving:request_latency",
        "Microseconds; the same as taxiway_request_seconds.",
        labels=("model_name", "API", "entrypoint"),
    )
    for (model, entrypoint), histogram in latencies.items():
        add_histogram(request_latency, (model, "predict", entrypoint), histogram, MICROSECONDS)
    request_examples = HistogramMetricFamily(
        ":tensorflow:serving:request_example_counts", "Rows of each request.", labels=("model",)
    )
    examples_total = UnknownMetricFamily(
        ":tensorflow:serving:request_example_count_total",
        "The same as taxiway_rows_total.",
        labels=("model",),
    )
    for model, histogram in examples.items():
        add_histogram(request_examples, (model,), histogram)
        examples_total.add_metric((model,), histogram.total)
    yield from (request_count, request_latency, request_examples, examples_total)


def of_kserve(recorder: Recorder) -> Iterator[Metric]:
    """What the servers of KServe's Python SDK tell of requests; all of it is predicting here."""
    predict = HistogramMetricFamily(
        "request_predict_seconds",
        "The same as taxiway_request_seconds.",
        labels=("model_name",),
    )
    summed: dict[str, Histogram] = {}
    for labels, cell in list(recorder.cells.items()):
        if labels.code == OK:
            summed.setdefault(labels.model, Histogram(LATENCY_BOUNDS)).add(cell.latency)
    for model, histogram in summed.items():
        add_histogram(predict, (model,), histogram)
    yield predict
