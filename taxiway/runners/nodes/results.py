"""The result of a node, as one of the runner's events: from ML Metadata, or from what it raised."""

from __future__ import annotations

import logging
from typing import Any, Final

from taxiway.errors import ConfigError, DataError, GateStopped, TaxiwayError
from taxiway.metadata.records import ErrorKind, NodeRecord
from taxiway.metadata.store import RunStore
from taxiway.root_cause import cannot_pass, root_cause
from taxiway.runners.nodes.events import NodeCached, NodeFailed, NodeFinished, NodeSkipped
from taxiway.workers.job import FinalShardError

FALSE_CONDITION: Final = "its condition is false"
_FINAL: Final = (GateStopped, DataError, ConfigError, FinalShardError)
NodeResult = NodeCached | NodeFinished | NodeFailed | NodeSkipped


def result_of_launch(
    runs: RunStore, run_id: str, node_id: str, launched: Any, seconds: float
) -> NodeResult:
    """The result as MLMD has it: TFX's launcher does not raise where input resolution failed.

    Args:
      runs: the store.
      run_id: of the run.
      node_id: of the node.
      launched: what the launcher returned.
      seconds: what the launch took.
    """
    record = runs.node(run_id, node_id)
    if record is None or launched is None or launched.execution_id is None:
        return NodeSkipped(run_id, node_id, FALSE_CONDITION)
    return result_of_record(run_id, record, seconds)


def result_of_record(run_id: str, record: NodeRecord, seconds: float) -> NodeResult:
    """The result that an execution's record holds."""
    if record.state == "CACHED":
        return NodeCached(run_id, record.node_id, record, seconds)
    if record.state == "COMPLETE":
        return NodeFinished(run_id, record.node_id, record, seconds)
    reason = record.error or "its inputs could not be resolved"
    kind = record.error_kind or ErrorKind.FAILED
    return NodeFailed(run_id, record.node_id, reason, kind=kind, seconds=seconds)


def result_of_error(
    runs: RunStore, run_id: str, node_id: str, error: BaseException, seconds: float
) -> NodeFailed:
    """The whole traceback goes to the log, a few lines of it to the observers and to MLMD."""
    logging.error("node %s failed", node_id, exc_info=error)
    reason, edit = describe_error(error)
    kind = error_kind(error)
    try:
        runs.close(run_id, node_id, reason, kind)
    except Exception:  # a full disk fails here too, and must not hide what failed first
        logging.exception("the end of node %s could not be recorded", node_id)
    return NodeFailed(run_id, node_id, reason, edit, kind, seconds)


def describe_error(error: BaseException) -> tuple[str, str]:
    """What the user reads of an exception: our own words where we have them, and what to edit."""
    ours = _cause(error, TaxiwayError)
    if ours is not None:
        return ours.message, ours.edit
    if error_kind(error) is ErrorKind.INTERRUPTED:
        return "interrupted", ""
    return root_cause(error), ""


def error_kind(error: BaseException) -> ErrorKind:
    """Whether a gate did its duty, someone pressed Ctrl-C, or something went wrong."""
    if _cause(error, KeyboardInterrupt) is not None:
        return ErrorKind.INTERRUPTED
    return ErrorKind.STOPPED if _cause(error, GateStopped) is not None else ErrorKind.FAILED


def is_final(error: BaseException) -> bool:
    """Whether another attempt would end in the same way: a verdict, wrong data or config, a bug."""
    if _cause(error, TaxiwayError) is not None:
        return any(_cause(error, kind) is not None for kind in _FINAL)
    return cannot_pass(error)


def _cause(error: BaseException, kind: type[Any]) -> Any:
    """The first exception of a kind in the chain of causes."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, kind):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
