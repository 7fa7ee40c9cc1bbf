"""Trace context is handed on as W3C writes it."""

from __future__ import annotations

import pytest

from taxiway.serving.gateway.tracing import continued, trace_id

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def test_what_came_is_handed_on() -> None:
    with continued("predict flights", PARENT, "vendor=1") as handed:
        assert handed == {"traceparent": PARENT, "tracestate": "vendor=1"}


@pytest.mark.parametrize("wrong", ["", "nonsense", f"00-{'0' * 32}-b7ad6b7169203331-01", "é" * 9])
def test_what_is_no_context_begins_none(wrong: str) -> None:
    with continued("predict flights", wrong) as handed:
        assert handed == {}
    assert trace_id(wrong) == ""


def test_the_access_log_can_name_the_trace() -> None:
    assert trace_id(PARENT) == TRACE
