"""What a run prints at its end, for each way it can end."""

from __future__ import annotations

import io
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from taxiway.metadata.records import Outcome
from taxiway.runners.console.summary import TONES, print_summary
from taxiway.runners.console.terminal import TerminalConsole


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the PATH that has the program."""
    program = tmp_path / "bin" / "taxiway"
    program.parent.mkdir()
    program.touch(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return program


def report(**changes: Any) -> dict[str, Any]:
    return {
        "outcome": "succeeded",
        "failure": None,
        "evaluation": {
            "blessed": True,
            "baseline": True,
            "unusable_baseline": "",
            "reasons": [],
            "overall": {"auc": 0.71234, "example_count": 27020.0},
            "change": {"auc": 0.01},
            "worst_slices": [
                {"name": f"carrier={name}", "metrics": {"auc": 0.5}} for name in "ABCD"
            ],
        },
        "infra": {"blessed": True, "latency_p99_ms": 3.21},
        "version": "1.2.0",
        "pushed_to": "/serving/7",
        "release": None,
        "command": "taxiway run --config smoke",
        **changes,
    }


def evaluation(**changes: Any) -> dict[str, Any]:
    return {**report()["evaluation"], **changes}


URL = "http://127.0.0.1:8501/v1/models/flights:predict"


def printed(request: str = "", **changes: Any) -> str:
    console = TerminalConsole(record=True, width=100, file=io.StringIO())
    print_summary(console, report(**changes), "/reports/r1", 12.34, 5.67, request, URL)
    return console.export_text()


def row(text: str, name: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if line.startswith(name))


class TestSucceeded:
    def test_metrics_stand_beside_the_baseline_and_the_three_worst_slices(self) -> None:
        text = printed()
        assert "succeeded after 12.3 s, 5.7 s of them to load TFX" in text
        heads = ["metric", "all", "rows", "vs", "baseline", "carrier=A", "carrier=B", "carrier=C"]
        assert row(text, "metric") == heads
        assert row(text, "auc") == ["auc", "0.7123", "+0.0100", "0.5000", "0.5000", "0.5000"]
        assert row(text, "example_count") == ["example_count", "27,020", "n/a", "n/a", "n/a"]

    def test_a_worker_that_was_not_isolated_is_told_of(self) -> None:
        assert "isolation" not in printed()
        infra = {"blessed": True, "latency_p99_ms": 3.21, "missing": "files: no [Landlock]"}
        text = printed(infra=infra)
        assert "isolation   not whole: files: no [Landlock]" in text

    def test_without_a_baseline_there_is_no_column_of_changes(self) -> None:
        text = printed(evaluation=evaluation(baseline=False, change={}, worst_slices=[]))
        assert row(text, "metric") == ["metric", "all", "rows"]
        assert "evaluator   blessed (no baseline yet)" in text

    def test_a_baseline_that_cannot_be_used_is_told_with_the_reason(self) -> None:
        told = evaluation(baseline=False, unusable_baseline="/m/7 is gone", change={})
        assert (
            "evaluator   blessed (compared with none, the baseline cannot be used: /m/7 is gone)"
        ) in printed(evaluation=told)

    @pytest.mark.parametrize(
        ("width", "metric"),
        [(80, "precision_where_recall_is_at_least_90_percent"), (80, "auc"), (50, "auc")],
    )
    def test_long_names_are_told_whole_and_so_is_every_number(
        self, width: int, metric: str
    ) -> None:
        names = [
            "native-country=Outlying-US(Guam-USVI-etc), occupation=Machine-op-inspct",
            "størrelse=" + "ø" * 60,
            "trip_start_hour=17",
        ]
        numbers = {metric: 0.5, "example_count": 1234567.0}
        worst = [{"name": name, "metrics": numbers} for name in names]
        console = TerminalConsole(record=True, width=width, file=io.StringIO())
        shown = evaluation(worst_slices=worst, overall=numbers, change={metric: 0.01})
        print_summary(console, report(evaluation=shown), "/reports/r1", 1.0, 1.0, "")
        text = console.export_text()
        assert "…" not in text
        assert (text.count("0.5000"), text.count("1,234,567")) == (4, 4)
        for number, name in enumerate(names, start=1):
            assert f"\nslice {number}     {name}\n" in text
        assert all(len(line) <= width for line in text.splitlines() if "0.5000" in line)
        assert metric in text.split()

    def test_names_that_fit_stay_in_the_head(self) -> None:
        assert "slice 1" not in printed()

    def test_a_metric_without_a_value_says_so(self) -> None:
        worst = [{"name": "carrier=A", "metrics": {"auc": None}}]
        text = printed(
            evaluation=evaluation(worst_slices=worst, overall={"auc": 0.7, "recall": None})
        )
        assert row(text, "auc") == ["auc", "0.7000", "+0.0100", "n/a"]
        assert row(text, "recall") == ["recall", "n/a", "n/a"]

    def test_a_pushed_model_is_told_with_its_version_and_how_to_ask_it(
        self, tmp_path: Path
    ) -> None:
        request = tmp_path / "request.json"
        request.write_text('{"origin": ["l\'\u00c5"], "distance": [1089.0]}', encoding="utf-8")
        text = printed(str(request))
        assert "evaluator   blessed (compared with the latest blessed model)" in text
        assert "infra       blessed (p99 3.2 ms)" in text
        assert "pushed      /serving/7 as version 1.2.0" in text
        assert "report      /reports/r1/report.html" in text
        assert "next        taxiway serve --config smoke\n" in text
        line = next(line for line in text.splitlines() if line.startswith("then ask"))
        asked = '{"inputs": {"origin": ["l\'\u00c5"], "distance": [1089.0]}}'
        assert shlex.split(line) == ["then", "ask", "curl", "-d", asked, URL]

    def test_what_make_ran_by_itself_is_served_by_make(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        command = "taxiway run training --config local"
        assert "next        taxiway serve --config local\n" in printed(command=command)
        (tmp_path / "Makefile").touch()
        assert "next        make serve\n" in printed(command=command)
        other = printed(command=f"{command} --set output.root=/o")
        assert "next        taxiway serve --config local --set output.root=/o\n" in other

    def test_a_model_without_a_version_is_pushed_without_one(self) -> None:
        assert row(printed(version=None), "pushed") == ["pushed", "/serving/7"]


class TestReleased:
    """Of a version that has to be approved."""

    COMMAND = "taxiway run --config smoke --set 'output.root=/a b'"

    def printed(self, state: str, told: str, environment: str = "") -> str:
        release = {"version": "flights/1.2.0", "environment": environment, "state": state}
        return printed(release=release | {"told": told}, command=self.COMMAND)

    def test_one_that_waits_says_for_what_and_how_to_approve_it(self) -> None:
        text = self.printed("pending", "waits for approval: it needs 2 reviewers")
        assert "release     flights/1.2.0 waits for approval: it needs 2 reviewers\n" in text
        options = "--config smoke --set 'output.root=/a b'"
        assert f"next        taxiway models approve flights/1.2.0 {options}\n" in text
        assert "taxiway serve" not in text

    def test_one_that_waits_in_an_environment_is_approved_there(self) -> None:
        text = self.printed("pending", "waits", "production")
        assert "models approve flights/1.2.0 --environment production --config" in text

    def test_one_that_is_approved_is_deployed_next(self) -> None:
        assert "next        taxiway deploy --config smoke" in self.printed("approved", "is")

    def test_one_that_is_rejected_is_looked_at(self) -> None:
        text = self.printed("rejected", "is rejected: auc is 0.6, and at least 0.7 is required")
        assert "is rejected: auc is 0.6" in text
        assert "next        taxiway models show flights/1.2.0 --config smoke" in text


class TestRefused:
    def test_a_model_that_no_one_blessed_is_not_pushed_and_every_reason_told(self) -> None:
        text = printed(
            evaluation=evaluation(blessed=False, reasons=["auc is low", "recall is low"]),
            infra={"blessed": False, "reason": "too slow", "latency_p99_ms": 900.0},
            pushed_to=None,
        )
        for told in ("evaluator   not blessed", "infra       not blessed (p99 900.0 ms)"):
            assert told in text
        for reason in ("auc is low", "recall is low", "too slow"):
            assert f"{' ' * 12}- {reason}" in text
        assert "pushed      no: a model is pushed only where both bless it" in text
        assert "next        taxiway run --config smoke --set model.hyperparameters." in text

    def test_an_infra_validator_without_latencies_or_none_at_all(self) -> None:
        text = printed(infra={"blessed": False, "reason": "cannot load"}, pushed_to=None)
        assert "infra       not blessed\n" in text
        assert not any(line.startswith("infra") for line in printed(infra=None).splitlines())


class TestEndedEarly:
    @pytest.mark.parametrize("outcome", ["failed", "stopped", "interrupted"])
    def test_the_node_the_reason_and_the_log_are_told(self, outcome: str) -> None:
        failure = {"node": "DataGate", "reason": "2 anomalies:\n  - temp\n  - dest", "edit": "it"}
        text = printed(outcome=outcome, failure=failure, evaluation=None)
        lines = [line.rstrip() for line in text.splitlines()]
        assert f"{outcome} after 12.3 s, 5.7 s of them to load TFX" in lines
        at = lines.index("node        DataGate")
        assert lines[at + 1 : at + 6] == [
            "reason      2 anomalies:",
            "              - temp",
            "              - dest",
            "edit        it",
            "log         /reports/r1/run.log",
        ]
        assert "next        taxiway run --config smoke  # nodes that are done are not" in text
        assert "metric" not in text

    def test_a_failure_without_words_or_remedy_is_still_one(self) -> None:
        text = printed(outcome="failed", failure={"node": "X", "reason": ""}, evaluation=None)
        assert "reason      \n" in text
        assert "edit" not in text

    def test_markup_in_a_reason_is_shown_as_it_is(self) -> None:
        failure = {"node": "X", "reason": "got [red]x[/red]\nand [Op:MatMul]"}
        text = printed(outcome="failed", failure=failure, evaluation=None)
        assert "got [red]x[/red]" in text
        assert "and [Op:MatMul]" in text


def test_every_outcome_has_a_tone() -> None:
    assert set(TONES) == {outcome.value for outcome in Outcome}


class TestWhatToTypeNext:
    @pytest.mark.parametrize("outcome", ["succeeded", "failed"])
    def test_a_program_that_is_on_no_path_is_named_by_where_it_is(
        self, outcome: str, installed: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        beside = installed.parent / "it's mine" / "taxiway"
        beside.parent.mkdir()
        installed.rename(beside)
        monkeypatch.setattr(sys, "executable", str(beside.with_name("python")))
        text = printed(outcome=outcome, pushed_to=None)
        line = next(line for line in text.splitlines() if line.startswith("next"))
        assert shlex.split(line)[:4] == ["next", str(beside), "run", "--config"]
