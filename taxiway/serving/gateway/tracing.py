"""W3C trace context, taken from who asks and handed to whom the gateway asks.

The gateway has OpenTelemetry's API and no SDK: without one, what came is handed on as it is; where
`opentelemetry-instrument` or an embedding program has set one up, its spans come in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR: Final = TraceContextTextMapPropagator()


@contextmanager
def continued(name: str, traceparent: str, tracestate: str = "") -> Iterator[dict[str, str]]:
    """A span of who asked, around the work for it.

    Args:
      name: of the span, such as `predict flights`.
      traceparent: header as it came; one that is not valid begins no trace.
      tracestate: header as it came.

    Yields:
      Headers for whom the gateway asks: traceparent, and tracestate where one came; empty where
      there is no trace.
    """
    if not traceparent:
        yield {}
        return
    given = _PROPAGATOR.extract({"traceparent": traceparent, "tracestate": tracestate})
    with trace.get_tracer("taxiway.serving").start_as_current_span(name, context=given):
        handed: dict[str, str] = {}
        _PROPAGATOR.inject(handed)
        yield handed


def trace_id(traceparent: str) -> str:
    """The trace's id, 32 hexadecimal digits, for the access log; empty where it is not valid."""
    if not traceparent:
        return ""
    context = _PROPAGATOR.extract({"traceparent": traceparent})
    found = trace.get_current_span(context).get_span_context()
    return trace.format_trace_id(found.trace_id) if found.is_valid else ""
