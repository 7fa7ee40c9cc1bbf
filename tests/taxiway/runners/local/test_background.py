"""Container components run in the background, and in nobody's way."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

pytestmark = pytest.mark.pipeline

PLAIN = "tfx.dsl.components.base.base_executor.EmptyExecutor"
ALONE = "components.infra_validator.component.InfraValidatorExecutor"
"""It declares that it measures time."""


def node(name: str, upstream: Sequence[str] = (), kind: str = "container") -> Any:
    from tfx.proto.orchestration import executable_spec_pb2, pipeline_pb2

    from taxiway.runners.nodes.ir import CompiledNode

    specs = {
        "container": executable_spec_pb2.ContainerExecutableSpec(image="busybox"),
        "class": executable_spec_pb2.PythonClassExecutableSpec(class_path=PLAIN),
        "latency": executable_spec_pb2.PythonClassExecutableSpec(class_path=ALONE),
    }
    made = pipeline_pb2.PipelineNode(upstream_nodes=list(upstream))
    made.node_info.id = name
    return CompiledNode(made, None, None, specs[kind])


class Launches:
    """What was started; each launch waits until the test lets it end."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.may_end = threading.Event()
        self.has_started = threading.Event()

    def __call__(self, started: Any) -> None:
        self.started.append(started.id)
        self.has_started.set()
        assert self.may_end.wait(20)
        if started.id.startswith("bad"):
            raise RuntimeError("it failed")


@pytest.fixture
def launches() -> Launches:
    return Launches()


def test_a_container_starts_when_what_it_waits_for_has_ended(launches: Launches) -> None:
    from taxiway.runners.local.background import Background

    train, push = node("train", kind="class"), node("push", ["count"], "class")
    count = node("count", ["train", "data"])
    background = Background([train, count, push], launches)
    background.node_ended("train")
    assert launches.started == []
    background.node_ended("data")
    assert launches.has_started.wait(20)  # and this test goes on meanwhile
    assert background.start(count)
    assert not background.start(push)
    launches.may_end.set()
    background.wait_for(push)
    background.close()
    assert launches.started == ["count"]


def test_one_that_waits_for_another_starts_when_its_turn_comes(launches: Launches) -> None:
    from taxiway.runners.local.background import Background

    first, second = node("first"), node("second", ["first"])
    background = Background([first, second], launches)
    assert background.start(first)
    launches.may_end.set()
    background.wait_for(second)
    assert background.start(second)
    background.close()
    assert launches.started == ["first", "second"]


def test_who_needs_what_failed_hears_of_it_and_nobody_else(launches: Launches) -> None:
    from taxiway.runners.local.background import Background

    bad, other = node("bad"), node("other", ["train"], "class")
    background = Background([bad, other], launches)
    background.start(bad)
    launches.may_end.set()
    background.wait_for(other)
    with pytest.raises(RuntimeError, match="it failed"):
        background.wait_for(node("needs", ["bad"], "class"))
    background.close()


def test_latency_is_measured_when_nothing_runs_beside(launches: Launches) -> None:
    from taxiway.runners.local.background import Background

    slow = node("slow")
    background = Background([slow], launches)
    background.start(slow)
    assert launches.has_started.wait(20)
    waited = threading.Thread(target=background.wait_for, args=(node("infra", (), "latency"),))
    waited.start()
    waited.join(0.2)
    assert waited.is_alive()
    launches.may_end.set()
    waited.join(20)
    assert not waited.is_alive()
    background.close()
