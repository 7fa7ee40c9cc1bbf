"""`taxiway report`: which run is meant, and what a pull request is shown of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from taxiway.cli.report.markdown import as_markdown, escaped
from tests.conftest import REPOSITORY, TINY, CommandLine, Run

REPORT: dict[str, Any] = {
    "pipeline": "parcels",
    "run_id": "20260301-120000-abcd",
    "outcome": "succeeded",
    "sentence": "Succeeded: version 1.2.0 was blessed and pushed to /serving/1.",
    "seconds": 12.34,
    "evaluation": {
        "blessed": False,
        "reasons": ["auc on overall is 0.5000, must be at least 0.6"],
        "overall": {"auc": 0.5, "example_count": 600.0, "recall": None},
        "change": {"auc": -0.25, "example_count": 0.0},
        "ranked_by": "auc",
        "by_slice": [
            {"name": "a=1", "rows": 300.0, "is_ranked": True, "metrics": {"auc": 0.4}},
            {"name": "a=2", "rows": 3.0, "is_ranked": False, "metrics": {"auc": 0.1}},
        ],
    },
    "baselines": {"linear": {"metrics": {"auc": 0.7}}},
    "goals": [{"name": "quick", "value": 3.5, "wanted": "at most 5", "met": True, "of": "ms"}],
    "gate": {
        "warns": [dict.fromkeys(("source", "severity", "split", "column", "description"), "w")]
    },
}


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Three runs, the first of which was reported on last."""
    for at, name in enumerate(("20260301-120000-abcd", "20260302-120000-abcd", "20260302-130000")):
        folder = tmp_path / "reports" / name
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(json.dumps({**REPORT, "run_id": name}))
        os.utime(folder / "report.json", (1000 - at, 1000 - at))
    (tmp_path / "reports" / "20260303-killed").mkdir()
    return tmp_path


def options(root: Path) -> list[str]:
    return ["--config", TINY, "--set", f"output.root={root}"]


class TestWhichRun:
    @pytest.mark.parametrize(
        ("run", "meant"),
        [
            ("latest", "20260301-120000-abcd"),
            ("20260302-130000", "20260302-130000"),
            ("20260302-12", "20260302-120000-abcd"),
        ],
    )
    def test_it_is_found_by_its_id_its_beginning_or_as_the_latest(
        self, here: CommandLine, reports: Path, run: str, meant: str
    ) -> None:
        done = here("report", run, *options(reports))
        assert (done.code, done.out) == (0, f"{reports}/reports/{meant}/report.html\n")

    @pytest.mark.parametrize(
        ("run", "told"),
        [
            ("20260302", "'20260302' begins 2 runs: 20260302-120000-abcd, 20260302-130000"),
            ("20260301-120000-abce", "did you mean '20260301-120000-abcd'?"),
            ("20260303-killed", "newest first: 20260301-120000-abcd, 20260302-120000-abcd"),
        ],
    )
    def test_another_is_refused_with_those_that_there_are(
        self, here: CommandLine, reports: Path, run: str, told: str
    ) -> None:
        done = here("report", run, *options(reports))
        assert done.code == 2
        assert told in done.err

    def test_no_run_at_all_is_told(self, here: CommandLine, tmp_path: Path) -> None:
        done = here("report", *options(tmp_path))
        assert done.code == 2
        assert "no run has a report below" in done.err

    def test_values_that_cannot_be_read_are_told(self, here: CommandLine, reports: Path) -> None:
        (reports / "reports" / "20260302-130000" / "report.json").write_text("{")
        done = here("report", "20260302-130000", "--json", *options(reports))
        assert done.code == 2
        assert "report.json cannot be read" in done.err

    def test_two_answers_at_once_are_refused(self, here: CommandLine, reports: Path) -> None:
        done = here("report", "--json", "--markdown", *options(reports))
        assert done.code == 2
        assert "got more than one" in done.err

    def test_json_is_all_of_it(self, here: CommandLine, reports: Path) -> None:
        done = here("report", "20260302-130000", "--json", *options(reports))
        assert json.loads(done.out) == {**REPORT, "run_id": "20260302-130000"}

    def test_open_gives_the_page_to_a_browser(
        self, here: CommandLine, reports: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened: list[str] = []
        monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or len(opened) < 2)
        assert here("report", "--open", *options(reports)).code == 0
        assert opened == [f"file://{reports}/reports/20260301-120000-abcd/report.html"]
        assert here("report", "--open", *options(reports)).code == 2


class TestMarkdown:
    def test_it_says_what_a_review_asks(self) -> None:
        text = as_markdown(REPORT)
        for line in (
            "### parcels: succeeded",
            "Succeeded: version 1.2.0 was blessed and pushed to /serving/1.",
            "The Evaluator has not blessed the model.",
            "- auc on overall is 0.5000, must be at least 0.6",
            "| auc | 0.5000 | 0.7500 | -0.2500 | 0.7000 |",
            "| example_count | 600 | 600 | 0 |  |",
            "| recall | n/a |  |  |  |",
            "| quick | met | 3.5000 | at most 5 | ms |",
            "| a=1 | 300 | 0.4000 |",
            "DataGate let the run pass, with 1 warning.",
        ):
            assert line in text.splitlines()
        assert "a=2" not in text

    def test_a_run_that_reached_nothing_has_one_too(self) -> None:
        text = as_markdown({"outcome": "failed", "evaluation": None, "gate": None})
        assert "No model was evaluated." in text
        assert "has not decided" in text

    def test_nothing_in_it_becomes_more_than_text(self) -> None:
        nasty = "<b>|`x` *y* [z](w) @all #1 \x1b\nnext"
        assert escaped(nasty) == (
            "\\<b\\>\\|\\`x\\` \\*y\\* \\[z\\](w) \\@all \\#1 \N{SYMBOL FOR ESCAPE}"
            "\N{SYMBOL FOR LINE FEED}next"
        )
        assert len(escaped("x" * 5000)) < 400
        evaluation = {**REPORT["evaluation"], "reasons": [nasty], "overall": {nasty: 0.5}}
        text = as_markdown({**REPORT, "evaluation": evaluation, "sentence": nasty})
        assert "<b>" not in text
        assert "[z]" not in text


def test_it_loads_neither_tensorflow_nor_a_database(reports: Path) -> None:
    program = (
        "import sys; from taxiway.cli.main import main\n"
        f"sys.argv = {['taxiway', 'report', '--markdown', *options(reports)]!r}\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code\n"
        "heavy = {'tensorflow', 'tfx', 'ml_metadata', 'mlflow', 'leather', 'pyarrow', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"
    assert done.stdout.startswith("### parcels")


@pytest.mark.pipeline
@pytest.mark.one_stack
def test_a_real_run_is_told(here: CommandLine, second_run: Run) -> None:
    workspace, report = second_run
    done = here("report", report["run_id"], "--markdown", *workspace.options)
    assert done.code == 0, done.err
    assert done.out.startswith("### tiny: succeeded\n")
    assert "#### Worst slices by auc" in done.out
    assert "| linear model |" in done.out
