"""The two lines that a worker tells as it starts, read by its parent.

The first is the worker's own: it is written before anything of the model is read. The second could
be the model's, by whatever way, so it is looked at and nothing follows from it but who to ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from taxiway.serving.worker.errors import WorkerError


def sandbox_of(told: Mapping[str, Any], model: Path) -> tuple[int, Mapping[str, str]]:
    """The first line: the id of the process that will have the model, and what does not hold it.

    Raises:
      WorkerError: it says something else.
    """
    pid, missing = told.get("pid"), told.get("missing")
    if not (isinstance(pid, int) and isinstance(missing, dict)):
        raise nonsense(model, told)
    return pid, missing


def ready_of(told: Mapping[str, Any], model: Path, section: str) -> Mapping[str, Any]:
    """The second line, of a model that has loaded: what it is, as the client has it by name.

    Args:
      told: the line.
      model: for errors.
      section: of the config, which has the worker's bounds.

    Raises:
      WorkerError: it has not, or the line says something else.
    """
    seconds, signatures, ranks = map(told.get, ("load_seconds", "signatures", "ranks"))
    if (
        told.get("ready") is True
        and isinstance(seconds, float)
        and _is_nested(signatures, str)
        and _is_nested(ranks, int)
        and _is_nested(told.get("classes"), list, depth=1)
        and all(isinstance(name, str) for names in told["classes"].values() for name in names)
    ):
        return told
    if "error" not in told or "type" not in told:
        raise nonsense(model, told)
    edit = str(told.get("edit", ""))
    if told["type"] == "MemoryError":
        edit = f"{section}.memory_limit_mb"
    raise WorkerError(
        f"{model} does not load: {told['type']}: {told['error']}", reason="load_failed", edit=edit
    )


def nonsense(model: Path, told: object) -> WorkerError:
    """The error for a line that no worker writes."""
    return WorkerError(
        f"{model} does not load: the worker told {str(told)[:100]!r}, expected whether the model "
        "is ready",
        reason="load_failed",
    )


def _is_nested(value: Any, bottom: type, depth: int = 3) -> bool:
    """Whether these are dictionaries of dictionaries, with such values at the bottom."""
    if depth == 0:
        return isinstance(value, bottom)
    return isinstance(value, dict) and all(
        _is_nested(one, bottom, depth - 1) for one in value.values()
    )
