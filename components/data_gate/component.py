"""DataGate's TFX face, a Python-function component."""
# No `from __future__ import annotations`: TFX reads the annotations of component functions.

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import ExampleAnomalies, ExampleStatistics

from components.artifacts import GateDecision
from components.data_gate.logic import decide, read_findings, stop_message
from components.data_gate.rules import parse_rules, read_evidence
from taxiway.config import gates
from taxiway.runners.nodes.declarations import declare


@declare(needs_files="it opens the validators' findings as local files, not in a bucket")
@component
def DataGate(  # a component is named like a class
    statistics: InputArtifact[ExampleStatistics],
    anomalies: InputArtifact[ExampleAnomalies],
    drift: InputArtifact[ExampleAnomalies],
    decision: OutputArtifact[GateDecision],
    config: Parameter[str],
    schema_file: Parameter[str],
) -> None:
    """Raises GateStopped on the findings that `config`, the data_gate section, names.

    The path of the curated schema is for the message alone.
    """
    gate = gates.DataGate.model_validate_json(config)
    evidence = read_evidence(Path(statistics.uri))
    findings = [
        *read_findings(Path(anomalies.uri), "schema"),
        *read_findings(Path(drift.uri), "drift"),
        *(found for rule in parse_rules(gate.rules) for found in rule.find(evidence)),
    ]
    decided = decide(findings, gate)
    if decided.stops:
        raise stop_message(decided, schema_file)
    (Path(decision.uri) / "decision.json").write_text(json.dumps(decided.to_json(), indent=2))
    decision.set_int_custom_property("warnings", len(decided.warns))
