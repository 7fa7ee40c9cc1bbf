"""The gate's decision, as pure functions over what validators and rules have found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.data_gate.rules import WHOLE, Finding
from taxiway.config.gates import DataGate
from taxiway.errors import GateStopped

ANOMALIES_FILE = "SchemaDiff.pb"
SCHEMA_FIELDS: Final[Mapping[str, str]] = {
    "ENUM_TYPE_UNEXPECTED_STRING_VALUES": "string_domain",
    "BOOL_TYPE_UNEXPECTED_STRING": "bool_domain",
    "BOOL_TYPE_UNEXPECTED_FLOAT": "bool_domain",
    "BOOL_TYPE_BIG_INT": "bool_domain",
    "BOOL_TYPE_SMALL_INT": "bool_domain",
    "INT_TYPE_BIG_INT": "int_domain",
    "INT_TYPE_SMALL_INT": "int_domain",
    "FLOAT_TYPE_BIG_FLOAT": "float_domain",
    "FLOAT_TYPE_SMALL_FLOAT": "float_domain",
    "FEATURE_TYPE_LOW_FRACTION_PRESENT": "presence",
    "FEATURE_TYPE_LOW_NUMBER_PRESENT": "presence",
    "FEATURE_TYPE_NOT_PRESENT": "presence",
    "FEATURE_TYPE_HIGH_NUMBER_VALUES": "value_count",
    "FEATURE_TYPE_LOW_NUMBER_VALUES": "value_count",
    "SCHEMA_MISSING_COLUMN": "presence",
    "UNEXPECTED_DATA_TYPE": "type",
}
"""What of a column in the schema an anomaly of TFDV is against."""
MENDS_SHOWN: Final = 5


@dataclass(frozen=True)
class Decision:
    """What stops the run, and what is only reported."""

    stops: tuple[Finding, ...]
    warns: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values for decision.json."""
        return asdict(self)


def decide(findings: Sequence[Finding], gate: DataGate) -> Decision:
    """Sorts findings by the gate's rules; every finding is in exactly one of the two lists."""

    def stops(finding: Finding) -> bool:
        if finding.source == "rule":
            return True
        if finding.source == "drift":
            return gate.on_drift == "stop"
        return finding.severity in gate.stop_on

    return Decision(
        tuple(finding for finding in findings if stops(finding)),
        tuple(finding for finding in findings if not stops(finding)),
    )


def stop_message(decision: Decision, schema_file: str = "data.schema_file") -> GateStopped:
    """The error that stops a run, with every anomaly that caused it.

    Args:
      decision: what was decided.
      schema_file: the curated schema that the data does not fit.
    """
    lines = "\n".join(f"  - {finding}" for finding in decision.stops)
    count = len(decision.stops)
    fields = [f"{one.field} of '{one.column}'" for one in decision.stops if one.field]
    named = list(dict.fromkeys(fields))
    shown = [*named[:MENDS_SHOWN], *(["..."] if len(named) > MENDS_SHOWN else [])]
    schema = f"{', '.join(shown)} in {schema_file}" if shown else f"its schema ({schema_file})"
    return GateStopped(
        f"DataGate found {count} {'anomaly' if count == 1 else 'anomalies'}:\n{lines}",
        edit=f"the data, {schema}, or data_gate in the config",
    )


def read_findings(folder: Path, source: Literal["schema", "drift"]) -> list[Finding]:
    """Reads every split's anomalies below an ExampleAnomalies artifact."""
    findings = []
    for path in sorted(folder.glob(f"*/{ANOMALIES_FILE}")):
        anomalies = anomalies_pb2.Anomalies.FromString(path.read_bytes())
        split = path.parent.name.partition("-")[2]
        named = [(name, info) for name, info in sorted(anomalies.anomaly_info.items())]
        if anomalies.HasField("dataset_anomaly_info"):
            named.append((WHOLE, anomalies.dataset_anomaly_info))
        findings += [_finding(source, split, name, info) for name, info in named]
    return findings


def _finding(source: Literal["schema", "drift"], split: str, name: str, info: Any) -> Finding:
    reasons = [
        f"{reason.short_description}: {reason.description}".strip(": ") for reason in info.reason
    ]
    return Finding(
        source=source,
        split=split,
        column=".".join(info.path.step) or name,
        severity=anomalies_pb2.AnomalyInfo.Severity.Name(info.severity),
        description=" ".join(reasons) or info.description or info.short_description,
        field=next(filter(None, map(_schema_field, info.reason)), "") if source == "schema" else "",
    )


def _schema_field(reason: Any) -> str:
    return SCHEMA_FIELDS.get(anomalies_pb2.AnomalyInfo.Type.Name(reason.type), "")
