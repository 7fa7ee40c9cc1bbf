"""Cleanup after a process that died: its executions in ML Metadata, its half-written outputs."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Final

import yaml

from taxiway.config.schema import Config, Output
from taxiway.metadata.connection import Metadata
from taxiway.metadata.records import ErrorKind
from taxiway.metadata.store import RunStore, run_store

KILLED: Final = "ended without a word: it was killed, or its machine went down"


def end_node(config: Config, run_id: str, reason: str, kind: ErrorKind, node_id: str) -> None:
    """Records the end of a node whose process died; see `abandon`."""
    if abandon(config, run_id, reason, kind, node_id):
        return
    runs = run_store(config.metadata)
    if runs.node(run_id, node_id) is None:
        runs.record_failure(run_id, node_id, reason, kind)


def abandon(
    config: Config, run_id: str, reason: str, kind: ErrorKind, node_id: str | None = None
) -> list[str]:
    """Closes executions that are still open, and removes the folders they would have published.

    Args:
      config: of the run.
      run_id: whose executions.
      reason: what is kept with them.
      kind: how they ended.
      node_id: only this node's; None means all.

    Returns:
      The ids of the nodes that were open.
    """
    root = config.output.pipeline_root(config.pipeline.name)
    return _abandon(run_store(config.metadata), root, run_id, reason, kind, node_id)


def end_dead_run(metadata: Metadata, run_id: str) -> list[str]:
    """Ends what a local run has left open that was killed, and removes its half-written outputs.

    Args:
      metadata: the store that it used, and that nobody else uses now.
      run_id: the run; its own config says where its outputs are.

    Returns:
      The ids of the nodes that it was at.
    """
    runs = run_store(metadata)
    config = yaml.safe_load(runs.properties(run_id).get("config", "")) or {}
    if not config:  # it had not come to its first node
        return []
    name, output = config["pipeline"]["name"], Output(root=config["output"]["root"])
    found = []
    for pipeline, run in ((name, run_id), (f"{name}-exit", f"{run_id}-exit")):
        root = output.pipeline_root(pipeline)
        found += _abandon(runs, root, run, KILLED, ErrorKind.KILLED, None)
    return found


def _abandon(
    runs: RunStore, root: str, run_id: str, reason: str, kind: ErrorKind, node_id: str | None
) -> list[str]:
    found = []
    for record in runs.open_nodes(run_id):
        if node_id in (None, record.node_id):
            runs.close(run_id, record.node_id, reason, kind)
            _remove_outputs(root, record.node_id, record.execution_id)
            found.append(record.node_id)
    return found


def _remove_outputs(root: str, node_id: str, execution_id: int) -> None:
    """TFX writes to `<pipeline root>/<node>/<output key>/<execution id>`, and to `.system`."""
    if "://" in root:
        # The next attempt removes them; a run that has none leaves them unpublished.
        logging.warning("outputs of %s %d stay in the bucket", node_id, execution_id)
        return
    node = Path(root) / node_id
    for folder in (*node.glob(f"*/{execution_id}"), *node.glob(f".system/*/{execution_id}")):
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():  # it holds what a container's own user wrote
            logging.warning("%s could not be removed whole: remove it as its files' owner", folder)
