"""RunReport: one page of a run, however it ended, that no value can break."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from taxiway.evaluation.ranking import Ranking
from taxiway.metadata.describe import DESCRIPTIONS, describe_node, format_metric
from taxiway.metadata.records import ArtifactRecord, ErrorKind, NodeRecord
from tests.taxiway.evaluation.conftest import Evaluated

PROPERTIES = {"command": "taxiway run --config smoke", "config": "pipeline: {name: x}\n"}
NASTY = "<script>alert(1)</script> & \"quotes\" 'too'"


def node(name: str, state: str = "COMPLETE", **outputs: ArtifactRecord) -> NodeRecord:
    found = {key: (artifact,) for key, artifact in outputs.items()}
    return NodeRecord(name, 1, state, 1.25, found)


def ended(kind: ErrorKind, reason: str, name: str = "Trainer") -> NodeRecord:
    state = "CANCELED" if kind is ErrorKind.INTERRUPTED else "FAILED"
    return NodeRecord(name, 2, state, 0.5, {}, error=reason, error_kind=kind)


def artifact(kind: str, uri: str = "/none", **properties: Any) -> ArtifactRecord:
    return ArtifactRecord(1, kind, uri, properties)


class TestDescribeNode:
    """What a node made, in a few words."""

    SAID = (
        ("Examples", {"rows_train": 24012, "rows_eval": 8190}, "24,012 train + 8,190 eval rows"),
        (
            "Examples",
            {"rows_train": 1, "rows_eval": 2, "rows_dropped": 1500},
            "1 train + 2 eval rows, 1,500 dropped",
        ),
        ("Examples", {}, ""),
        ("ExampleAnomalies", {"blessed": {"train": 1, "eval": 0}}, "anomalies in eval"),
        (
            "ExampleAnomalies",
            {"blessed": {"__value__": {"train": 0, "eval": 0}}},
            "anomalies in train, eval",
        ),
        ("ExampleAnomalies", {"blessed": {"__value__": {"train": 1}}}, "no anomalies"),
        ("ExampleAnomalies", {"blessed": "odd"}, "no anomalies"),
        ("ExampleAnomalies", {"blessed": {"__value__": []}}, "no anomalies"),
        ("ExampleAnomalies", {}, "no anomalies"),
        ("ExampleStatistics", {}, "statistics"),
        ("ModelEvaluation", {}, ""),
        (
            "ModelEvaluation",
            {"unusable_baseline": "/m/7 is gone"},
            "the baseline cannot be used: /m/7 is gone",
        ),
        ("GateDecision", {}, "passed"),
        ("GateDecision", {"warnings": 1}, "passed, 1 warning"),
        ("GateDecision", {"warnings": 3}, "passed, 3 warnings"),
        (
            "HyperParameters",
            {"epochs": "5", "learning_rate": "0.001", "seed": "1"},
            "learning_rate 0.001, epochs 5",
        ),
        ("InfraBlessing", {"blessed": 1, "latency_p99_ms": 3.14}, "blessed, p99 3.1 ms"),
        (
            "InfraBlessing",
            {"blessed": 1, "latency_p99_ms": 3.14, "missing": "files: no Landlock"},
            "blessed, p99 3.1 ms, isolation not whole",
        ),
        ("InfraBlessing", {"blessed": 0, "reason": "too slow"}, "not blessed: too slow"),
        ("Model", {}, "model"),
        ("ModelBlessing", {"blessed": 1}, "blessed"),
        ("ModelBlessing", {"blessed": 0}, "not blessed"),
        ("ModelManifest", {}, "sha256 of each file"),
        ("ModelVersion", {"version_name": "1.2.0"}, "version 1.2.0"),
        ("PushedModel", {"pushed_destination": "/serving/1"}, "/serving/1"),
        ("RunReport", {"path": "/reports/r.html"}, "/reports/r.html"),
        ("Schema", {}, "schema"),
        ("TransformGraph", {}, "transform graph"),
        ("SomethingNew", {"blessed": 1}, ""),
    )

    @pytest.mark.parametrize(("kind", "properties", "said"), SAID)
    def test_each_artifact_type(self, kind: str, properties: dict[str, Any], said: str) -> None:
        assert describe_node(node("X", out=artifact(kind, **properties))) == said

    def test_no_artifact_type_is_left_out_of_the_table(self) -> None:
        assert {kind for kind, *_ in self.SAID} - {"SomethingNew"} == set(DESCRIPTIONS)

    def test_several_outputs_and_the_container_engine(self) -> None:
        record = NodeRecord(
            "X",
            1,
            "COMPLETE",
            0.0,
            {"a": (artifact("Model"), artifact("Odd")), "b": (artifact("Schema"),)},
            {"container_engine": "podman"},
        )
        assert describe_node(record) == "model, schema, ran in podman"

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            (None, "n/a"),
            (0.69314, "0.6931"),
            (27020.0, "27,020"),
            (1.0, "1.0000"),
            (-0.5, "-0.5000"),
        ],
    )
    def test_figures(self, value: float | None, shown: str) -> None:
        assert format_metric(value) == shown


@pytest.fixture
def logic() -> Any:
    from components.run_report import logic

    return logic


@pytest.mark.pipeline
@pytest.mark.xdist_group("evaluation")
class TestBuildReport:
    """What the report says of each end of a run."""

    def test_a_run_of_which_nothing_is_known_has_failed(self, logic: Any) -> None:
        report = built(logic, "parcels", "r1", [], {}, by_auc(100))
        assert report["outcome"] == "failed"
        reached = ("failure", "gate", "evaluation", "infra", "version", "pushed_to")
        assert [report[key] for key in reached] == [None] * len(reached)
        assert report["nodes"] == []
        assert (report["command"], report["config"]) == ("", "")

    @pytest.mark.parametrize("kind", ErrorKind)
    def test_a_run_that_did_not_end_well_tells_where_and_why(
        self, logic: Any, kind: ErrorKind
    ) -> None:
        nodes = [node("ArrowExampleGen"), ended(kind, "the reason\nin two lines"), node("Late")]
        report = built(logic, "parcels", "r1", nodes, PROPERTIES, by_auc(100))
        assert report["outcome"] == kind.value
        assert report["failure"] == {"node": "Trainer", "reason": "the reason\nin two lines"}
        assert report["nodes"][1]["made"] == "the reason\nin two lines"
        assert report["seconds"] == 3.0

    def test_a_run_that_succeeded_tells_everything(
        self, logic: Any, compared: Evaluated, tmp_path: Path
    ) -> None:
        (tmp_path / "decision.json").write_text('{"stops": [], "warns": []}')
        blessing = artifact("ModelBlessing", blessed=0, baseline_model_id=7)
        nodes = [
            node("DataGate", decision=artifact("GateDecision", str(tmp_path))),
            node(
                "Evaluator",
                evaluation=artifact("ModelEvaluation", compared.uri),
                blessing=blessing,
            ),
            node("InfraValidator", blessing=artifact("InfraBlessing", blessed=1, requests=50)),
            node("Pusher", pushed_model=artifact("PushedModel", pushed_destination="/s/1")),
            node("Registrar", "CACHED", model_version=artifact("MV", version_name="1.0.0")),
        ]
        report = built(logic, "parcels", "r1", nodes, PROPERTIES, by_auc(1))
        assert report["outcome"] == "succeeded"
        assert report["failure"] is None
        assert report["gate"] == {"stops": [], "warns": []}
        assert report["infra"] == {"blessed": True, "missing": "", "requests": 50}
        assert (report["version"], report["pushed_to"]) == ("1.0.0", "/s/1")
        assert [item["state"] for item in report["nodes"]] == ["complete"] * 4 + ["cached"]
        evaluation = report["evaluation"]
        assert (evaluation["blessed"], evaluation["baseline"]) == (False, True)
        assert len(evaluation["reasons"]) == 6
        assert evaluation["overall"]["example_count"] == len(compared.rows)
        assert evaluation["change"]["auc"] < 0
        assert [item["name"] for item in evaluation["worst_slices"]] == [
            "origin=EWR",
            "origin=JFK",
        ]
        assert evaluation["slices"] == 2

    def test_small_slices_are_not_ranked(self, logic: Any, alone: Evaluated) -> None:
        evaluator = node(
            "Evaluator",
            evaluation=artifact("ModelEvaluation", alone.uri),
            blessing=artifact("ModelBlessing", blessed=1),
        )
        report = built(logic, "parcels", "r1", [evaluator], PROPERTIES, by_auc(101))
        assert report["evaluation"]["worst_slices"] == []
        assert report["evaluation"]["blessed"]
        assert not report["evaluation"]["baseline"]

    def test_a_baseline_that_cannot_be_used_is_on_the_page(
        self, logic: Any, alone: Evaluated
    ) -> None:
        evaluator = node(
            "Evaluator",
            evaluation=artifact("ModelEvaluation", alone.uri, unusable_baseline="it is <gone>"),
            blessing=artifact("ModelBlessing", blessed=1),
        )
        report = built(logic, "parcels", "r1", [evaluator], PROPERTIES, by_auc(1))
        assert report["evaluation"]["unusable_baseline"] == "it is <gone>"
        told = "Compared with no baseline, since that cannot be used: it is &lt;gone&gt;"
        assert told in logic.render_html(report)

    def test_nodes_that_ended_without_outputs_are_as_if_not_reached(self, logic: Any) -> None:
        gate = node("DataGate", decision=artifact("GateDecision", "/removed/since"))
        nodes = [gate, *(node(n) for n in ("Evaluator", "InfraValidator", "Pusher", "Registrar"))]
        report = built(logic, "parcels", "r1", nodes, PROPERTIES, by_auc(100))
        reached = ("gate", "evaluation", "infra", "version", "pushed_to")
        assert [report[key] for key in reached] == [None] * len(reached)


def built(
    logic: Any,
    pipeline: str,
    run_id: str,
    nodes: list[NodeRecord],
    properties: dict[str, Any],
    ranking: Ranking,
    **more: Any,
) -> dict[str, Any]:
    """The report of a run of which just this is known."""
    from components.run_report.sections.known import KnownRun

    known = KnownRun(pipeline, run_id, nodes, properties, ranking, **more)
    return dict(logic.build_report(known))


def by_auc(min_rows: int) -> Ranking:
    return Ranking("auc", True, min_rows)


def registered(text: str) -> dict[str, Any]:
    """What Registrar writes of a version, with a text wherever a model may bring one in."""
    seen = {"column": text, "values": [text], "unique": 3, "missing": 0.5}
    return {
        "version": text,
        "created_at": "2026-03-01T12:00:00.000000Z",
        "reasons": {"major": text},
        "model": text,
        "run_id": text,
        **dict.fromkeys(("model_digest", "contract_digest", "pipeline_digest"), "0" * 64),
        "pushed_to": "/serving/1",
        "metrics": {text: 0.75},
        "contract": {"label": text, "definition": text, "outputs": {text: text}},
        "baseline": {"unusable": text},
        "facts": {
            "columns": [{"name": text, "type": text, "domain": {"values": [text]}}],
            "ranges": {text: seen},
            "training": {"hyperparameters": {text: text}},
            "evaluation": {
                "worst_slices": [{"name": text, "metrics": {text: 0.5}}],
                "ranked_by": text,
            },
            "trial": {"isolation": text},
        },
        "checks": {text: True},
        "key of another release": text,
    }


def whole(logic: Any, compared: Evaluated, folder: Path, text: str) -> dict[str, Any]:
    """A report in which every part is there, and says `text` wherever a run may bring text in."""
    finding = {"severity": "ERROR", "source": "drift"}
    finding |= dict.fromkeys(("split", "column", "description"), text)
    (folder / "decision.json").write_text(json.dumps({"stops": [], "warns": [finding]}))
    (folder / "version.json").write_text(json.dumps(registered(text)))
    nodes = [
        node("DataGate", decision=artifact("GateDecision", str(folder))),
        node(
            "Evaluator",
            evaluation=artifact("ModelEvaluation", compared.uri, unusable_baseline=text),
            blessing=artifact("ModelBlessing", blessed=0),
        ),
        node(
            "InfraValidator",
            blessing=artifact("InfraBlessing", blessed=0, reason=text, missing=text),
        ),
        node("Pusher", pushed_model=artifact("PushedModel", pushed_destination=text)),
        node("Registrar", model_version=artifact("ModelVersion", str(folder), version_name=text)),
        ended(ErrorKind.FAILED, text, text),
    ]
    report: dict[str, Any] = built(
        logic, text, text, nodes, dict.fromkeys(PROPERTIES, text), by_auc(1)
    )
    report["evaluation"]["reasons"].append(text)
    report["evaluation"]["by_slice"][0]["name"] = text
    report["data"] = {
        "spans": text,
        "rows": {text: 3},
        "labels": {text: {"shares": {text: 0.5}}},
        "features": [
            {"name": text, "measure": text, "distance": 0.5, "bound": 0.3, "missing": [0.1, None]}
            | {"values": [text], "now": [1.0], "then": [0.5, 0.5]}
        ],
    }
    report["curves"] = {text: [0.5, 0.4], f"val_{text}": [0.6, 0.5]}
    report["goals"] = [{"kind": text, "value": None, "met": None}]
    report["goals"][0] |= dict.fromkeys(("name", "of", "wanted"), text)
    report["lineage"] = {"boxes": [{"id": 1, "lines": [text, text], "is_subject": True}]}
    report["lineage"]["arrows"] = []
    report["graph"] = {"edges": []}
    report["config_changes"] = [{"key": text, "value": [text], "base": text}]
    report["environment"]["versions"] = {text: text}
    report["environment"]["images"] = {text: text}
    report["environment"]["commit"] = text
    report["missing"] = {text: text}
    return report


@pytest.mark.pipeline
@pytest.mark.xdist_group("evaluation")
class TestThePage:
    def test_it_shows_every_part(self, logic: Any, compared: Evaluated, tmp_path: Path) -> None:
        page = logic.render_html(whole(logic, compared, tmp_path, "WORD"))
        for told in (
            "What ended it",
            "not blessed by the Evaluator",
            "Failed in WORD: WORD",
            "not blessed by InfraValidator",
            "isolation not whole</span> InfraValidator tried the model without what the system "
            "refused: WORD",
            "Pushed to <code>WORD</code>",
            "version WORD",
            "against the baseline",
            "Data warnings",
            "drift error",
            "The worst auc first; 2 of 2 have the rows",
            "Metrics by slice",
            "Resolved config",
            '<h2 id="card">Model card</h2>',
            "3 values: WORD",
            '<td class="made">50.0%</td>',
            'Owner <span class="badge warn">to be filled in</span>',
        ):
            assert told in page

    def test_a_record_that_cannot_be_read_leaves_the_card_out(
        self, logic: Any, compared: Evaluated, tmp_path: Path
    ) -> None:
        whole(logic, compared, tmp_path, "WORD")
        (tmp_path / "version.json").write_text('{"version": "1.0.0"}')
        made = artifact("ModelVersion", str(tmp_path), version_name="1.0.0")
        nodes = [node("Registrar", model_version=made)]
        report = built(logic, "parcels", "r1", nodes, PROPERTIES, by_auc(100))
        assert report["card"] is None
        assert "Not on record: the run has registered no version." in logic.render_html(report)

    def test_no_value_can_become_markup(
        self, logic: Any, compared: Evaluated, tmp_path: Path
    ) -> None:
        plain = logic.render_html(whole(logic, compared, tmp_path, "WORD"))
        page = logic.render_html(whole(logic, compared, tmp_path, NASTY))
        assert "<script" not in page
        cut = 1  # the name of a bar, which has room for twelve letters
        assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == plain.count("WORD") - cut
        assert "alert(1)" not in re.sub("&lt;script&gt;alert\\(1\\)&lt;/script&gt;", "", page)
        assert page.count("<") == plain.count("<")

    def test_no_value_can_turn_a_line_round_or_keep_the_page_from_being_written(
        self, logic: Any, compared: Evaluated, tmp_path: Path
    ) -> None:
        text = "\x1b[31m \u202eevil \udcff"
        report = whole(logic, compared, tmp_path, text)
        logic.write_report(report, tmp_path / "out")
        page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
        assert page.count("␛[31m \N{REPLACEMENT CHARACTER}evil \N{REPLACEMENT CHARACTER}") > 10
        assert not set(page) & set("\x1b\u202e")
        assert json.loads((tmp_path / "out" / "report.json").read_text())["run_id"] == text

    @pytest.mark.parametrize("nodes", [[], [node("ArrowExampleGen", "RUNNING")]])
    def test_it_can_be_drawn_of_a_run_that_reached_nothing(
        self, logic: Any, nodes: list[NodeRecord]
    ) -> None:
        page = logic.render_html(built(logic, "parcels", "r1", nodes, {}, by_auc(100)))
        assert '<span class="badge bad">failed</span>' in page
        assert "by the Evaluator" not in page

    def test_the_node_that_ended_it_is_told_in_the_outcomes_word_and_the_reason_once(
        self, logic: Any
    ) -> None:
        gate = ended(ErrorKind.STOPPED, "2 anomalies:\n  - temp\n  - dest", "DataGate")
        page = logic.render_html(built(logic, "parcels", "r1", [gate], PROPERTIES, by_auc(100)))
        row = '<th scope="row">DataGate</th><td><span class="badge warn">stopped</span></td>'
        assert row in page
        assert "Stopped by DataGate: 2 anomalies:" in page
        assert page.count("2 anomalies:") == 3
        assert page.count("  - dest") == 1

    def test_it_needs_nothing_from_elsewhere(
        self, logic: Any, compared: Evaluated, tmp_path: Path
    ) -> None:
        page = logic.render_html(whole(logic, compared, tmp_path, "WORD"))
        assert set(re.findall(r"[a-z]+://[^\s\"']*", page)) == set()
        assert not [word for word in ("src=", "@import", "<link", "<script") if word in page]
        linked = re.findall(r'href="([^"]*)"|url\(([^)]*)\)', page)
        assert all(one.startswith("#") for pair in linked for one in pair if one)


@pytest.mark.pipeline
@pytest.mark.xdist_group("evaluation")
class TestWriteReport:
    def test_both_files_hold_the_report_and_nothing_else_is_left(
        self, logic: Any, tmp_path: Path
    ) -> None:
        folder = tmp_path / "new" / "folder"
        report = built(logic, "parcels", "r1", [], PROPERTIES, by_auc(100))
        logic.write_report(report, folder)
        assert json.loads((folder / "report.json").read_text()) == report
        assert "taxiway run --config smoke" in (folder / "report.html").read_text()
        assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json"]

    def test_a_write_that_fails_leaves_the_older_report_whole(
        self, logic: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        report = built(logic, "parcels", "older", [], PROPERTIES, by_auc(100))
        logic.write_report(report, tmp_path)
        before = {path.name: path.read_text() for path in tmp_path.iterdir()}
        written = Path.write_text

        def full(path: Path, text: str, **options: Any) -> int:
            written(path, text[: len(text) // 2], **options)
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space left"):
            logic.write_report({**report, "run_id": "newer"}, tmp_path)
        monkeypatch.undo()
        assert {name: (tmp_path / name).read_text() for name in before} == before
