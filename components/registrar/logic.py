"""What a version record says about a pushed model, gathered from its artifacts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any, Final

from taxiway.modeling.spec import Binary, FeatureSpec
from taxiway.registry.versions.records import ModelVersion

_OF_CLASSES: Final = ("positive", "classes")
"""Fields of a task."""


def contract_digest(spec: FeatureSpec) -> str:
    """sha256 over what callers see: the columns a request may bring, their kinds, and the answers.

    What answers mean is told by the label, the kind of task, and what it says of its classes; of
    two that are 1 and 0 the label says all.
    """
    task = spec.task
    contract: dict[str, Any] = {
        "inputs": {name: _kind(spec, name) for name in spec.inputs()},
        "label": spec.label,
    }
    if task != Binary(task.label, derive=task.derive, weight=task.weight):
        contract["task"] = type(task).__name__
        contract |= {name: getattr(task, name) for name in _OF_CLASSES if hasattr(task, name)}
    return hashlib.sha256(json.dumps(contract, sort_keys=True).encode()).hexdigest()


def _kind(spec: FeatureSpec, name: str) -> str:
    kind = "number" if name in spec.numbers() else "string"
    return f"list of {kind}s" if name in spec.lists() else kind


def record(version: ModelVersion) -> dict[str, Any]:
    """The version as plain values for version.json."""
    return {
        "version": version.name,
        "created_at": version.created_at,
        **asdict(version.candidate),
    }
