"""The contract of a model with its callers, as plain values, from its spec and the curated schema.

What its parts are, and when two of them fit, is in `taxiway.registry.versions.contract`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from taxiway.modeling.names import CLASS, PROBABILITIES, PROBABILITY, VALUE
from taxiway.modeling.spec.feature_spec import FeatureSpec
from taxiway.modeling.spec.schema import feature_kinds
from taxiway.modeling.spec.tasks import Binary

OUTPUTS: Final[Mapping[str, Mapping[str, str]]] = {
    "Binary": {PROBABILITY: "number"},
    "MultiClass": {PROBABILITIES: "list of numbers", CLASS: "string"},
    "Regression": {VALUE: "number"},
}
"""By task, what a model answers."""
_TYPES: Final[Mapping[str, str]] = {"INT": "whole number", "FLOAT": "number", "BYTES": "string"}


def contract_of(spec: FeatureSpec, schema: Any, classes: Sequence[str] = ()) -> dict[str, Any]:
    """What callers rely on.

    Args:
      spec: of the model.
      schema: the curated one, a TFMD Schema.
      classes: names by number, where the task learns them.
    """
    task = spec.task
    kinds = feature_kinds(schema)
    domains = _domains(schema)
    inputs: dict[str, Any] = {}
    for name in spec.inputs():
        inputs[name] = {"type": _type(spec, name, kinds.get(name, ""))}
        if domains.get(name):
            inputs[name]["domain"] = domains[name]
    return {
        "inputs": inputs,
        "outputs": dict(OUTPUTS[type(task).__name__]),
        "label": spec.label,
        "definition": task.definition,
        "task": type(task).__name__,
        "positive": getattr(task, "positive", None),
        "classes": [str(one) for one in getattr(task, "classes", ()) or classes],
        "derive": task.derive,
    }


def contract_digest(spec: FeatureSpec) -> str:
    """sha256 over the columns a request may bring, their kinds, and the label with its classes.

    It says less than the contract, and is what releases wrote that kept none, so that a version of
    theirs can be compared with. It must stay as it is.
    """
    task = spec.task
    plain = Binary(task.label, derive=task.derive, weight=task.weight, definition=task.definition)
    told: dict[str, Any] = {
        "inputs": {name: _kind(spec, name) for name in spec.inputs()},
        "label": spec.label,
    }
    if task != plain:
        told["task"] = type(task).__name__
        told |= {name: getattr(task, name) for name in _OF_CLASSES if hasattr(task, name)}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


_OF_CLASSES: Final = ("positive", "classes")
"""Fields of a task."""


def _kind(spec: FeatureSpec, name: str) -> str:
    kind = "number" if name in spec.numbers() else "string"
    return f"list of {kind}s" if name in spec.lists() else kind


def _type(spec: FeatureSpec, name: str, kind: str) -> str:
    """What a request brings: plain columns of whole numbers that are looked up are float64."""
    told = _TYPES.get(kind) or ("number" if name in spec.numbers() else "string")
    if kind == "INT" and name not in spec.numbers():
        told = "exact whole number"
    return f"list of {told}s" if name in spec.lists() else told


def _domains(schema: Any) -> dict[str, dict[str, Any]]:
    """By feature, the values that it may have; empty where it may have any of its type."""
    shared = {domain.name: domain for domain in schema.string_domain}
    return {feature.name: _domain(feature, shared) for feature in schema.feature}


def _domain(feature: Any, shared: Mapping[str, Any]) -> dict[str, Any]:
    kind = feature.WhichOneof("domain_info")
    if kind is None:
        return {}
    if kind in ("domain", "string_domain"):
        domain = shared.get(feature.domain) if kind == "domain" else feature.string_domain
        return {"values": sorted(domain.value)} if domain and domain.value else {}
    domain = getattr(feature, kind)
    if kind in ("int_domain", "float_domain"):
        return {end: getattr(domain, end) for end in ("min", "max") if domain.HasField(end)}
    return {"kind": kind, "is": str(domain).strip()}
