"""The page that Prometheus reads, made when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from taxiway.serving.gateway.metrics.aliases import of_kserve, of_tensorflow_serving
from taxiway.serving.gateway.metrics.families import of_requests, of_status
from taxiway.serving.gateway.metrics.recorder import Recorder
from taxiway.serving.gateway.status import Operated

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Exposition(Collector):
    """All metrics of one gateway, in a registry of their own.

    Args:
      recorder: what was counted of requests.
      gateway: that is asked how it is.
    """

    def __init__(self, recorder: Recorder, gateway: Operated) -> None:
        self._recorder, self._gateway = recorder, gateway
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def describe(self) -> list[Metric]:
        """Nothing beforehand: what there is depends on what was asked."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The families as they are now; on the event loop."""
        status = self._gateway.status()
        loaded = [(one.name, version.version) for one in status.models for version in one.versions]
        self._recorder.keep_versions(loaded)
        yield from of_requests(self._recorder)
        yield from of_status(status, self._gateway.ready())
        yield from of_tensorflow_serving(self._recorder)
        yield from of_kserve(self._recorder)

    def page(self) -> bytes:
        """Prometheus' text format, of the type `CONTENT_TYPE`."""
        return generate_latest(self._registry)
