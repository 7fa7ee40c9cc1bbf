"""Cleanup after a process that died: its executions in ML Metadata, its half-written outputs."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from taxiway.config.schema import Config
from taxiway.metadata.records import ErrorKind
from taxiway.metadata.store import run_store


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
    runs = run_store(config.metadata)
    found = []
    for record in runs.open_nodes(run_id):
        if node_id in (None, record.node_id):
            runs.close(run_id, record.node_id, reason, kind)
            _remove_outputs(config, record.node_id, record.execution_id)
            found.append(record.node_id)
    return found


def _remove_outputs(config: Config, node_id: str, execution_id: int) -> None:
    """TFX writes to `<pipeline root>/<node>/<output key>/<execution id>`."""
    if "://" in config.output.root:
        # The next attempt removes them; a run that has none leaves them unpublished.
        logging.warning("outputs of %s %d stay in the bucket", node_id, execution_id)
        return
    node = Path(config.output.pipeline_root(config.pipeline.name)) / node_id
    for folder in node.glob(f"*/{execution_id}"):
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():  # it holds what a container's own user wrote
            logging.warning("%s could not be removed whole: remove it as its files' owner", folder)
