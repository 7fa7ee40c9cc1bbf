"""DataGate: which findings stop a run, and that every one of them is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from components.data_gate.logic import (
    ANOMALIES_FILE,
    Decision,
    decide,
    read_findings,
    stop_message,
)
from components.data_gate.rules import Evidence, FewestRows, Finding, parse_rules, read_evidence
from taxiway.config.gates import DataGate
from taxiway.errors import ConfigError, GateStopped

Severity = anomalies_pb2.AnomalyInfo.Severity

SCHEMA_ERROR = Finding("schema", "eval", "temp", "ERROR", "out of range")
SCHEMA_WARNING = Finding("schema", "train", "dest", "WARNING", "new value")
DRIFT_ERROR = Finding("drift", "eval_train", "carrier", "ERROR", "distance 0.5")
DRIFT_WARNING = Finding("drift", "eval_train", "visib", "WARNING", "distance 0.4")
EVERY = (SCHEMA_ERROR, SCHEMA_WARNING, DRIFT_ERROR, DRIFT_WARNING)

POLICIES: dict[str, tuple[DataGate, set[Finding]]] = {
    "as configured by default": (DataGate(), {SCHEMA_ERROR}),
    "warnings stop too": (
        DataGate(stop_on=("ERROR", "WARNING")),
        {SCHEMA_ERROR, SCHEMA_WARNING},
    ),
    "only warnings stop": (DataGate(stop_on=("WARNING",)), {SCHEMA_WARNING}),
    "nothing stops": (DataGate(stop_on=()), set()),
    "drift stops": (DataGate(on_drift="stop"), {SCHEMA_ERROR, DRIFT_ERROR, DRIFT_WARNING}),
    "drift alone stops": (DataGate(stop_on=(), on_drift="stop"), {DRIFT_ERROR, DRIFT_WARNING}),
}


def write_anomalies(folder: Path, split: str, anomalies: anomalies_pb2.Anomalies) -> Path:
    path = folder / split / ANOMALIES_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(anomalies.SerializeToString())
    return folder


def anomaly(
    severity: str, description: str, *reasons: tuple[str, str], path: tuple[str, ...] = ()
) -> anomalies_pb2.AnomalyInfo:
    info = anomalies_pb2.AnomalyInfo(
        severity=Severity.Value(severity), description=description, short_description="short"
    )
    info.path.step.extend(path)
    for short, long in reasons:
        info.reason.add(short_description=short, description=long)
    return info


class TestEveryPolicy:
    """One table: a new policy is a line of POLICIES, and all of these hold for it."""

    @pytest.fixture(params=POLICIES, ids=str)
    def policy(self, request: pytest.FixtureRequest) -> tuple[DataGate, set[Finding]]:
        return POLICIES[request.param]

    def test_it_stops_on_what_it_names_and_on_nothing_else(
        self, policy: tuple[DataGate, set[Finding]]
    ) -> None:
        gate, stops = policy
        assert set(decide(EVERY, gate).stops) == stops

    def test_every_finding_is_in_exactly_one_list_and_keeps_its_order(
        self, policy: tuple[DataGate, set[Finding]]
    ) -> None:
        decided = decide(EVERY, policy[0])
        assert [f for f in EVERY if f in decided.stops] == list(decided.stops)
        assert [f for f in EVERY if f not in decided.stops] == list(decided.warns)

    def test_clean_data_passes(self, policy: tuple[DataGate, set[Finding]]) -> None:
        assert decide([], policy[0]) == Decision((), ())

    def test_it_survives_the_way_to_the_component(
        self, policy: tuple[DataGate, set[Finding]]
    ) -> None:
        assert DataGate.model_validate_json(policy[0].model_dump_json()) == policy[0]


class TestTheMessage:
    def test_it_lists_every_anomaly_that_stops_and_no_other(self) -> None:
        decided = decide(EVERY, DataGate(on_drift="stop"))
        text = str(stop_message(decided, "m/schema.pbtxt"))
        assert text.splitlines() == [
            "DataGate found 3 anomalies:",
            "  - ERROR eval/temp: out of range",
            "  - ERROR eval_train/carrier: distance 0.5",
            "  - WARNING eval_train/visib: distance 0.4",
            "  edit: the data, its schema (m/schema.pbtxt), or data_gate in the config",
        ]

    def test_it_says_what_of_the_schema_the_data_does_not_fit_and_in_which_file(self) -> None:
        findings = [
            Finding("schema", split, "dest", "ERROR", "new values: X, Y", "string_domain")
            for split in ("train", "eval")
        ]
        findings.append(Finding("schema", "train", "temp", "ERROR", "too few", "presence"))
        told = stop_message(decide(findings, DataGate()), "m/schema.pbtxt")
        assert told.edit == (
            "the data, string_domain of 'dest', presence of 'temp' in m/schema.pbtxt, "
            "or data_gate in the config"
        )

    def test_one_anomaly_is_told_in_the_singular(self) -> None:
        assert stop_message(decide(EVERY, DataGate())).message.startswith(
            "DataGate found 1 anomaly:\n"
        )

    def test_a_long_list_is_told_whole(self) -> None:
        findings = [Finding("schema", "eval", f"c{n}", "ERROR", "odd") for n in range(60)]
        told = stop_message(decide(findings, DataGate())).message
        assert [line for line in told.splitlines() if line.startswith("  - ")] == [
            f"  - ERROR eval/c{n}: odd" for n in range(60)
        ]


class TestReadFindings:
    """Reads SchemaDiff.pb in the folders that the two validators write."""

    def test_a_split_of_example_validator(self, tmp_path: Path) -> None:
        written = anomalies_pb2.Anomalies()
        written.anomaly_info["temp"].CopyFrom(
            anomaly("ERROR", "unused", ("Out of range", "above 200"), ("Type", "no float"))
        )
        folder = write_anomalies(tmp_path, "Split-train", written)
        assert read_findings(folder, "schema") == [
            Finding("schema", "train", "temp", "ERROR", "Out of range: above 200 Type: no float")
        ]

    def test_a_split_pair_of_distribution_validator(self, tmp_path: Path) -> None:
        written = anomalies_pb2.Anomalies()
        written.anomaly_info["key"].CopyFrom(anomaly("WARNING", "moved", path=("weather", "temp")))
        folder = write_anomalies(tmp_path, "SplitPair-eval_train", written)
        assert read_findings(folder, "drift") == [
            Finding("drift", "eval_train", "weather.temp", "WARNING", "moved")
        ]

    def test_every_split_and_column_in_a_stable_order(self, tmp_path: Path) -> None:
        for split in ("Split-train", "Split-eval"):
            written = anomalies_pb2.Anomalies()
            for column in ("wind", "dest"):
                written.anomaly_info[column].CopyFrom(anomaly("ERROR", "odd"))
            write_anomalies(tmp_path, split, written)
        found = [(item.split, item.column) for item in read_findings(tmp_path, "schema")]
        assert found == [("eval", "dest"), ("eval", "wind"), ("train", "dest"), ("train", "wind")]

    def test_an_anomaly_of_the_whole_data_set(self, tmp_path: Path) -> None:
        written = anomalies_pb2.Anomalies()
        written.dataset_anomaly_info.CopyFrom(
            anomaly("ERROR", "", ("Low num examples in dataset.", "3 rows, at least 100 wanted"))
        )
        folder = write_anomalies(tmp_path, "Split-eval", written)
        assert read_findings(folder, "schema") == [
            Finding(
                "schema",
                "eval",
                "(whole data set)",
                "ERROR",
                "Low num examples in dataset.: 3 rows, at least 100 wanted",
            )
        ]

    @pytest.mark.parametrize(
        ("info", "told"),
        [
            (anomaly("ERROR", "", ("Short only", "")), "Short only"),
            (anomaly("ERROR", "", ("", "long only")), "long only"),
            (anomaly("ERROR", "described"), "described"),
            (anomaly("ERROR", ""), "short"),
        ],
        ids=["short reason", "long reason", "description", "nothing but the short one"],
    )
    def test_there_is_always_something_to_tell(
        self, tmp_path: Path, info: anomalies_pb2.AnomalyInfo, told: str
    ) -> None:
        written = anomalies_pb2.Anomalies()
        written.anomaly_info["temp"].CopyFrom(info)
        folder = write_anomalies(tmp_path, "Split-eval", written)
        assert [finding.description for finding in read_findings(folder, "schema")] == [told]

    def test_a_clean_split_has_none(self, tmp_path: Path) -> None:
        write_anomalies(tmp_path, "Split-train", anomalies_pb2.Anomalies())
        assert read_findings(tmp_path, "schema") == []


def write_statistics(folder: Path, **rows: int) -> Path:
    for split, count in rows.items():
        path = folder / f"Split-{split}" / "FeatureStats.pb"
        path.parent.mkdir(parents=True)
        dataset = statistics_pb2.DatasetFeatureStatistics(num_examples=count)
        listed = statistics_pb2.DatasetFeatureStatisticsList(datasets=[dataset])
        path.write_bytes(listed.SerializeToString())
    return folder


class TestRules:
    """Each rule on both sides of its threshold; and what is no rule."""

    @pytest.mark.parametrize(("rows", "stops"), [(99, 1), (100, 0), (101, 0), (0, 1)])
    def test_fewest_rows(self, tmp_path: Path, rows: int, stops: int) -> None:
        evidence = read_evidence(write_statistics(tmp_path, train=rows, eval=1))
        rule = FewestRows(kind="fewest_rows", at_least=100)
        assert len(list(rule.find(evidence))) == stops

    def test_a_split_that_is_not_there_has_no_rows(self) -> None:
        rule = FewestRows(kind="fewest_rows", split="tset", at_least=1)
        (found,) = rule.find(Evidence({}))
        assert str(found) == "ERROR tset/(whole data set): 0 rows, expected at least 1"

    @pytest.mark.parametrize(
        ("raw", "told"),
        [
            ({"kind": "fewest"}, "data_gate.rules.0"),
            ({"at_least": 3}, "data_gate.rules.0"),
            ({"kind": "fewest_rows"}, "data_gate.rules.0.fewest_rows.at_least: Field required"),
            ({"kind": "fewest_rows", "at_least": 0}, "greater than or equal to 1, got 0"),
            ({"kind": "fewest_rows", "at_least": 1, "spilt": "eval"}, "fewest_rows.spilt"),
        ],
    )
    def test_what_is_no_rule_is_refused_with_its_place(
        self, raw: dict[str, object], told: str
    ) -> None:
        with pytest.raises(ConfigError) as refused:
            parse_rules([raw])
        assert told in refused.value.message
        assert refused.value.edit == "data_gate.rules, or components/data_gate/rules.py"


@pytest.mark.pipeline
class TestTheComponent:
    """The TFX face, on artifacts in folders."""

    def run(self, folder: Path, gate: DataGate) -> tuple[Path, object]:
        from tfx.types.standard_artifacts import ExampleAnomalies, ExampleStatistics

        from components.artifacts import GateDecision
        from components.data_gate.component import DataGate_Executor

        schema, drift, decision = ExampleAnomalies(), ExampleAnomalies(), GateDecision()
        statistics = ExampleStatistics()
        named = {"schema": schema, "drift": drift, "decision": decision, "statistics": statistics}
        for name, artifact in named.items():
            (folder / name).mkdir()
            artifact.uri = str(folder / name)
        odd = anomalies_pb2.Anomalies()
        odd.anomaly_info["temp"].CopyFrom(anomaly("ERROR", "odd"))
        write_anomalies(folder / "drift", "SplitPair-eval_train", odd)
        write_statistics(folder / "statistics", train=10, eval=5)
        DataGate_Executor().Do(
            {"anomalies": [schema], "drift": [drift], "statistics": [statistics]},
            {"decision": [decision]},
            {"config": gate.model_dump_json(), "schema_file": "models/mine/schema.pbtxt"},
        )
        return folder / "decision" / "decision.json", decision

    def test_a_pass_leaves_its_warnings_and_their_count(self, tmp_path: Path) -> None:
        path, decision = self.run(tmp_path, DataGate())
        written = json.loads(path.read_text())
        assert written["stops"] == []
        assert [(item["source"], item["column"]) for item in written["warns"]] == [
            ("drift", "temp")
        ]
        assert decision.get_int_custom_property("warnings") == 1  # type: ignore[attr-defined]  # it was found above

    def test_a_broken_rule_of_the_config_stops(self, tmp_path: Path) -> None:
        rule = {"kind": "fewest_rows", "at_least": 11}
        with pytest.raises(GateStopped, match=r"train/\(whole data set\): 10 rows, expected at le"):
            self.run(tmp_path, DataGate(rules=(rule,)))

    def test_a_stop_raises_and_leaves_no_decision(self, tmp_path: Path) -> None:
        with pytest.raises(GateStopped, match="ERROR eval_train/temp: odd"):
            self.run(tmp_path, DataGate(on_drift="stop"))
        assert list((tmp_path / "decision").iterdir()) == []
