"""The nodes of a run as its record has them: state, seconds and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from taxiway.metadata.records import ErrorKind, NodeRecord
from taxiway.process.usage import CPU_PROPERTY, MEMORY_PROPERTY
from taxiway.tracking.run_record.record import Cost, NodeUsage

_STATES: Final[Mapping[str, str]] = {"COMPLETE": "complete", "CACHED": "cached"}
_SECONDS_PER_HOUR: Final = 3600.0
NOT_STARTED: Final = "the run ended before it"


def nodes_of(
    records: Sequence[NodeRecord],
    order: Sequence[str] = (),
    skipped: Mapping[str, str] | None = None,
) -> tuple[NodeUsage, ...]:
    """All nodes of a run, in the order in which they may start.

    Args:
      records: those that ML Metadata knows.
      order: every node of the pipeline, where that is known.
      skipped: why a node did not run, by node; it has no record.
    """
    known = {one.node_id: one for one in records}
    names = dict.fromkeys([*order, *known])
    why = skipped or {}
    return tuple(
        _usage(known[name])
        if name in known
        else NodeUsage(node=name, state="skipped", reason=why.get(name, NOT_STARTED))
        for name in names
    )


def cost_of(nodes: Sequence[NodeUsage], per_core_hour: float, currency: str) -> Cost:
    """What the nodes cost, as far as it was measured.

    Args:
      nodes: of a run.
      per_core_hour: price of a core for an hour.
      currency: of the price.
    """
    hours = sum(one.cpu_seconds or 0.0 for one in nodes) / _SECONDS_PER_HOUR
    return Cost(
        core_hours=hours,
        per_core_hour=per_core_hour,
        amount=hours * per_core_hour,
        currency=currency,
    )


def _usage(record: NodeRecord) -> NodeUsage:
    state = _STATES.get(record.state)
    if record.error_kind is not None:
        state = record.error_kind.value
    if state == "cached":  # what is copied from an earlier run's record was paid for there
        return NodeUsage(
            node=record.node_id,
            state=state,
            seconds=record.seconds,
            cpu_seconds=0.0,
            peak_memory_bytes=0,
        )
    cpu, memory = record.properties.get(CPU_PROPERTY), record.properties.get(MEMORY_PROPERTY)
    return NodeUsage(
        node=record.node_id,
        state=state or ErrorKind.KILLED.value,
        seconds=record.seconds,
        cpu_seconds=None if cpu is None else float(cpu),
        peak_memory_bytes=None if memory is None else int(memory),
        reason=record.error,
    )
