"""What a version record says about a pushed model, gathered from its artifacts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from taxiway.modeling.spec import FeatureSpec
from taxiway.registry.versions import ModelVersion


def contract_digest(spec: FeatureSpec) -> str:
    """sha256 over what callers see: the columns a request may bring, their kinds, and the label."""
    contract = {
        "inputs": {name: _kind(spec, name) for name in spec.inputs()},
        "label": spec.label,
    }
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
