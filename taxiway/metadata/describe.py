"""What a node made, in a few words, from its artifacts' properties. A new type is one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from taxiway.metadata.records import ArtifactRecord, NodeRecord

UNUSABLE_BASELINE: Final = "unusable_baseline"
"""A custom property of an evaluation: why the baseline that there is was not compared with."""
Describe = Callable[[Mapping[str, Any]], str]


def describe_node(record: NodeRecord) -> str:
    """Such as `24,012 train + 8,190 eval rows`; empty where there is nothing to say."""
    parts = [
        describe_artifact(artifact)
        for artifacts in record.outputs.values()
        for artifact in artifacts
    ]
    if "container_engine" in record.properties:
        engine = record.properties["container_engine"]
        parts.append("ran on the host" if engine == "host" else f"ran in {engine}")
    return ", ".join(part for part in parts if part)


def format_metric(value: float | None) -> str:
    """Four decimals, counts whole, `n/a` where there is no value."""
    if value is None:
        return "n/a"
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 2 else f"{value:.4f}"


def describe_artifact(artifact: ArtifactRecord) -> str:
    """The same of one artifact."""
    describe = DESCRIPTIONS.get(artifact.type)
    return describe(artifact.properties) if describe else ""


def _examples(properties: Mapping[str, Any]) -> str:
    if "rows_train" not in properties:
        return ""
    text = f"{int(properties['rows_train']):,} train + {int(properties['rows_eval']):,} eval rows"
    dropped = int(properties.get("rows_dropped", 0))
    text = f"{text}, {dropped:,} dropped" if dropped else text
    unlabelled = int(properties.get("rows_unlabelled", 0))
    if unlabelled:
        text = f"{text}, {unlabelled:,} row{'s' * (unlabelled > 1)} without a label left out"
    duplicate = int(properties.get("rows_duplicate", 0))
    text = f"{text}, {duplicate:,} with the key of another" if duplicate else text
    equal = int(properties.get("rows_equal", 0))
    return f"{text}, {equal:,} in all columns as another" if equal else text


def _anomalies(properties: Mapping[str, Any]) -> str:
    blessed = properties.get("blessed") or {}
    bad = [split for split, value in _json_value(blessed).items() if not value]
    return f"anomalies in {', '.join(bad)}" if bad else "no anomalies"


def _json_value(struct: Any) -> Mapping[str, Any]:
    """TFX wraps a JSON property in a struct of its own."""
    inner = struct.get("__value__", struct) if isinstance(struct, dict) else {}
    return inner if isinstance(inner, dict) else {}


def _blessing(properties: Mapping[str, Any]) -> str:
    return "blessed" if properties.get("blessed") == 1 else "not blessed"


def _evaluation(properties: Mapping[str, Any]) -> str:
    unusable = properties.get(UNUSABLE_BASELINE)
    return f"the baseline cannot be used: {unusable}" if unusable else ""


def _infra(properties: Mapping[str, Any]) -> str:
    if properties.get("blessed") != 1:
        return f"not blessed: {properties.get('reason', '')}"
    loose = ", isolation not whole" if properties.get("missing") else ""
    return f"blessed, p99 {float(properties.get('latency_p99_ms', 0.0)):.1f} ms{loose}"


def _gate(properties: Mapping[str, Any]) -> str:
    warnings = int(properties.get("warnings", 0))
    return f"passed, {warnings} warning{'' if warnings == 1 else 's'}" if warnings else "passed"


def _hyperparameters(properties: Mapping[str, Any]) -> str:
    shown = ("learning_rate", "batch_size", "epochs")
    return ", ".join(f"{name} {properties[name]}" for name in shown if name in properties)


DESCRIPTIONS: Final[Mapping[str, Describe]] = {
    "Examples": _examples,
    "ExampleAnomalies": _anomalies,
    "ExampleStatistics": lambda _: "statistics",
    "GateDecision": _gate,
    "HyperParameters": _hyperparameters,
    "InfraBlessing": _infra,
    "Model": lambda _: "model",
    "ModelBlessing": _blessing,
    "ModelEvaluation": _evaluation,
    "ModelManifest": lambda _: "sha256 of each file",
    "ModelVersion": lambda properties: f"version {properties.get('version_name', '?')}",
    "PushedModel": lambda properties: str(properties.get("pushed_destination", "")),
    "RunReport": lambda properties: str(properties.get("path", "")),
    "Schema": lambda _: "schema",
    "TransformGraph": lambda _: "transform graph",
}
