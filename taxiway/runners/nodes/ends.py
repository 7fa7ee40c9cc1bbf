"""How a node ended, as one of the runner's events: from ML Metadata, or from what it raised."""

from __future__ import annotations

import logging
from typing import Any, Final

from taxiway.config.metadata import Metadata
from taxiway.errors import GateStopped, TaxiwayError
from taxiway.metadata.connection import open_store
from taxiway.metadata.queries import ErrorKind, NodeRecord, close_executions, node_record
from taxiway.runners.nodes.events import NodeCached, NodeFailed, NodeFinished, NodeSkipped

FALSE_CONDITION: Final = "its condition is false"
NodeEnd = NodeCached | NodeFinished | NodeFailed | NodeSkipped


def end_of_launch(
    metadata: Metadata, run_id: str, node_id: str, launched: Any, seconds: float
) -> NodeEnd:
    """The end as MLMD has it: TFX's launcher does not raise where input resolution failed.

    Args:
      metadata: the store.
      run_id: of the run.
      node_id: of the node.
      launched: what the launcher returned.
      seconds: what the launch took.
    """
    record = node_record(open_store(metadata), run_id, node_id)
    if record is None or launched is None or launched.execution_id is None:
        return NodeSkipped(run_id, node_id, FALSE_CONDITION)
    return end_on_record(run_id, record, seconds)


def end_on_record(run_id: str, record: NodeRecord, seconds: float) -> NodeEnd:
    """The end that an execution's record tells of."""
    if record.state == "CACHED":
        return NodeCached(run_id, record.node_id, record, seconds)
    if record.state == "COMPLETE":
        return NodeFinished(run_id, record.node_id, record, seconds)
    reason = record.error or "its inputs could not be resolved"
    kind = record.error_kind or ErrorKind.FAILED
    return NodeFailed(run_id, record.node_id, reason, kind=kind, seconds=seconds)


def end_by_error(
    metadata: Metadata, run_id: str, node_id: str, error: BaseException, seconds: float
) -> NodeFailed:
    """The whole traceback goes to the log, a few lines of it to the observers and to MLMD."""
    logging.error("node %s failed", node_id, exc_info=error)
    reason, edit = describe_error(error)
    kind = error_kind(error)
    try:
        close_executions(open_store(metadata), run_id, node_id, reason, kind)
    except Exception:  # a full disk fails here too, and must not hide what failed first
        logging.exception("the end of node %s could not be recorded", node_id)
    return NodeFailed(run_id, node_id, reason, edit, kind, seconds)


def describe_error(error: BaseException) -> tuple[str, str]:
    """What to tell the user of an exception: our own words where we have them, and what to edit."""
    ours = _cause(error, TaxiwayError)
    if ours is not None:
        return ours.message, ours.edit
    if error_kind(error) is ErrorKind.INTERRUPTED:
        return "interrupted", ""
    text = str(error).strip().splitlines()
    first = text[0] if text else "no message"
    return f"{type(error).__name__}: {first}", ""


def error_kind(error: BaseException) -> ErrorKind:
    """Whether a gate did its duty, someone pressed Ctrl-C, or something went wrong."""
    if _cause(error, KeyboardInterrupt) is not None:
        return ErrorKind.INTERRUPTED
    return ErrorKind.STOPPED if _cause(error, GateStopped) is not None else ErrorKind.FAILED


def _cause(error: BaseException, kind: type[Any]) -> Any:
    """The first exception of a kind in the chain of causes."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, kind):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
