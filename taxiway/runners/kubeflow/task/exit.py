"""The exit task: closes whatever died without a record, then runs the exit pipeline.

A run that is terminated has no exit task; the next run's closes what that left open.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from taxiway.config.schema import Config
from taxiway.errors import EXIT_OK, EXIT_RUN_FAILED
from taxiway.metadata.patience import patiently
from taxiway.metadata.records import DONE_STATES, ErrorKind
from taxiway.metadata.store import run_store
from taxiway.runners.catalog import load_exit_pipeline, load_pipeline
from taxiway.runners.kubeflow.task.alive import close_lost
from taxiway.runners.kubeflow.task.job import EXIT_NODE
from taxiway.runners.kubeflow.task.outputs import RECORD_OUTPUT, REPORT_OUTPUT, TaskOutputs
from taxiway.runners.local.runner import LocalRunner
from taxiway.runners.nodes.cleanup import abandon
from taxiway.runners.nodes.events import RunObserver
from taxiway.runners.nodes.ir import CompiledNode, compile_pipeline, nodes_of
from taxiway.runners.nodes.launcher import is_skipped
from taxiway.runners.nodes.run_index import index_run
from taxiway.runners.nodes.run_mirror import mirror_ended
from taxiway.runners.nodes.run_recorder import KUBEFLOW, record_ended, record_killed

_NO_PAGE: Final = "<!doctype html><p>There is no report: see the log of the task <code>exit</code>."
_DIED: Final = "ended without a word: its pod did not start, was killed, or ran out of memory"


def run_exit(
    config: Config, run_id: str, outputs: TaskOutputs, observers: tuple[RunObserver, ...]
) -> int:
    """Runs the exit pipeline: by now every other task of the run has ended, well or not.

    What the run was is put on record then, into the index, and mirrored where the config says so.

    Returns:
      The exit code.
    """
    nodes = nodes_of(compile_pipeline(load_pipeline(config)(config), run_id))
    _close_the_dead(config, nodes, run_id)
    lost = close_lost(config, run_id)
    runner = LocalRunner(config, observers)
    ended = runner.run_pipeline(load_exit_pipeline()(config, run_id), f"{run_id}-exit")
    page = Path(config.output.report_folder(run_id)) / "report.html"
    if RECORD_OUTPUT in outputs:
        outputs.write_record(RECORD_OUTPUT, {"run": run_id, "report": str(page)})
    if REPORT_OUTPUT in outputs:
        found = page.read_text(encoding="utf-8") if page.is_file() else _NO_PAGE
        outputs.write_page(REPORT_OUTPUT, found)
    run_store(config.metadata).allow_attempts(run_id)  # who retries the run from now on means to
    dead = {one.partition(".")[0].removesuffix(f"-{EXIT_NODE}") for one in lost}
    for dead_run in sorted(dead - {run_id}):
        record_killed(config, dead_run, runner=KUBEFLOW)
    record_ended(config, run_id, order=[node.id for node in nodes], runner=KUBEFLOW)
    for ended_run in (*sorted(dead - {run_id}), run_id):
        index_run(config, ended_run)
        mirror_ended(config, ended_run, at_once=ended_run == run_id)
    return EXIT_OK if ended.failure is None else EXIT_RUN_FAILED


def _close_the_dead(config: Config, nodes: Sequence[CompiledNode], run_id: str) -> None:
    """Gives an end to nodes that have none: open executions, and those that never registered.

    Where a node has failed, others may not have been started, and need no end.
    """
    abandon(config, run_id, _DIED, ErrorKind.FAILED)
    runs = run_store(config.metadata)
    ended = {record.node_id: record.state in DONE_STATES for record in runs.nodes(run_id)}
    if not all(ended.values()):
        return
    for node in nodes:
        if node.id in ended or not all(ended.get(one, False) for one in node.upstream):
            continue
        if patiently(partial(is_skipped, node, runs), config.metadata):
            ended[node.id] = True
        else:
            runs.record_failure(run_id, node.id, _DIED, ErrorKind.FAILED)
