"""`taxiway runs`: what people see of runs, what they write on them, and how they compare them."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from taxiway.cli.runs.asked import _outcome_now
from taxiway.registry.database.session import open_database
from taxiway.registry.runs import write_runs
from taxiway.tracking.under_way import FILE, running
from tests.conftest import REPOSITORY, TINY, CommandLine, Finished
from tests.taxiway.cli.conftest import Desk
from tests.taxiway.cli.runs.conftest import EVIL, RATE, Lab
from tests.taxiway.registry.runs.rows import add_run, indexed_run

HEAVY = ("tensorflow", "tfx", "ml_metadata", "apache_beam", "pyarrow", "alembic", "mlflow")


def told(done: Finished) -> str:
    assert done.code == 0, done.err
    return done.out


class TestList:
    def test_the_newest_are_first_and_failures_on_one_line(self, lab: Lab) -> None:
        lines = told(lab("runs", "list")).splitlines()
        assert lines[0].split()[:3] == ["run", "pipeline", "outcome"]
        assert [line.split()[0] for line in lines[1:]] == ["run-3", "run-2", "run-1"]
        assert "Trainer:" in lines[1]
        assert "\x1b" not in lines[1]
        assert "0.8000" in lines[2]

    def test_a_filter_a_sort_and_columns(self, lab: Lab) -> None:
        words = ("metrics.auc > 0.6 or", "Trainer", "--sort", "-metrics.auc")
        told_csv = told(lab("runs", "list", *words, "--columns", f"run,params.{RATE}", "--csv"))
        rows = list(csv.reader(io.StringIO(told_csv)))
        assert rows == [["run", f"params.{RATE}"], ["run-2", "0.003"], ["run-1", "0.01"]]

    def test_json_has_a_line_for_each_run(self, lab: Lab) -> None:
        out = told(lab("runs", "list", f"params.{RATE} < 0.05", "--json"))
        rows = json.loads(out)
        assert len(out.splitlines()) == len(rows) + 2
        assert rows[0]["params"] == {RATE: 0.003}
        assert rows[0]["metrics"]["auc"] == 0.8
        assert json.loads(told(lab("runs", "list", "outcome = killed", "--json"))) == []

    def test_a_table_has_twenty_rows_unless_more_are_asked_for(self, lab: Lab) -> None:
        write_runs(lab.database, [indexed_run(f"more-{number:03}-0") for number in range(300)])
        done = lab("runs", "list")
        assert (len(done.out.splitlines()), done.err) == (
            21,
            "20 of 303 shown; --limit 0 shows all\n",
        )
        lines = told(lab("runs", "list", "--limit", "0")).splitlines()
        assert len(lines) == 304
        assert len(json.loads(told(lab("runs", "list", "--json")))) == 303

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (("metric.auc > 1",), "did you mean 'metrics'?"),
            (("--columns", "run,metrics.acu"), "did you mean 'metrics.auc'?"),
            (("--sort", "secnods"), "did you mean 'seconds'?"),
            (("--outcome", "killd"), "did you mean 'killed'?"),
            (("run =",), "expected a word or a quoted text, found the end"),
        ],
    )
    def test_a_mistake_is_told_with_a_near_name(
        self, words: tuple[str, ...], expected: str, lab: Lab
    ) -> None:
        done = lab("runs", "list", *words)
        assert done.code == 2
        assert expected in done.err

    def test_a_field_that_no_run_has_is_told_where_nothing_is_found(self, lab: Lab) -> None:
        out = told(lab("runs", "list", "metrics.acu > 0"))
        assert out == "no run is like that; none has metrics.acu; did you mean 'metrics.auc'?\n"

    def test_a_run_without_an_end_is_outcome_now_or_was_killed(self, lab: Lab) -> None:
        for name in ("run-4", "run-5", "run-6"):
            lab.add(name, None, 0.1, outcome="unfinished")
        (lab.root / "reports" / "run-5" / FILE).write_text(
            json.dumps({"host": os.uname().nodename, "nodes": ["Trainer"]})
        )
        with running(lab.root / "reports" / "run-4"):
            rows = lab.json("runs", "list", "--columns", "run,outcome", "--limit", "3")
            assert [row["outcome"] for row in rows] == ["unfinished", "killed", "unfinished"]
            rows = lab.json("runs", "list", "outcome = killed")
            assert [row["run"] for row in rows] == ["run-5"]

    def test_a_page_needs_no_other_file_and_escapes_what_runs_say(self, lab: Lab) -> None:
        page = lab.root / "runs.html"
        assert lab("runs", "list", "--html", str(page)).code == 0
        text = page.read_text()
        assert "run-3" in text
        assert "<script>" not in text
        assert "http" not in text
        assert told(lab("runs", "list", "--html", "-")).strip() == text.strip()


class TestCompare:
    def test_what_differs_comes_first_and_then_what_came_of_it(self, lab: Lab) -> None:
        lines = told(lab("runs", "compare", "run-1", "run-2")).splitlines()
        assert lines[0] == f"they differ in config ({RATE})"
        assert lines[3].split() == [RATE, "0.01", "0.003"]
        text = "\n".join(lines)
        assert "+0.1000 better" in text
        assert "auc, region=north" in text
        assert "Features" not in text

    def test_a_run_with_itself(self, lab: Lab) -> None:
        assert told(lab("runs", "compare", "latest~1", "run-2")).startswith("identical")

    def test_json_and_one_metric(self, lab: Lab) -> None:
        found = lab.json("runs", "compare", "run-1", "run-2", "run-3", "--metric", "auc")
        assert [one["name"] for one in found["differences"]] == [RATE]
        assert found["metrics"][0]["values"] == [0.7, 0.8, None]
        assert len(found["metrics"]) == 1

    def test_a_run_of_an_older_release_says_what_is_not_on_record(self, lab: Lab) -> None:
        add_run(lab.database, "run-0", folder="/gone", params={RATE: 0.5, "output.root": "var"})
        out = told(lab("runs", "compare", "run-0", "run-1"))
        assert out.startswith(f"they differ in config ({RATE}); not on record, and so not compared")

    def test_a_page(self, lab: Lab) -> None:
        out = told(lab("runs", "compare", "run-1", "run-2", "--html", "-"))
        assert f"They differ in config ({RATE})." in out
        assert "http" not in out

    def test_a_run_that_there_is_not(self, lab: Lab) -> None:
        done = lab("runs", "compare", "run-", "run-1")
        assert done.code == 2
        assert "'run-' may be several runs: run-3, run-2, run-1" in done.err


class TestBest:
    def test_the_direction_is_the_metrics_own(self, lab: Lab) -> None:
        for metric in ("auc", "binary_crossentropy"):
            rows = lab.json("runs", "best", "--metric", metric)
            assert [(row["rank"], row["run"]) for row in rows] == [(1, "run-2"), (2, "run-1")]

    def test_lowest_a_slice_and_a_filter(self, lab: Lab) -> None:
        rows = lab.json("runs", "best", "--lowest", "--metric", "auc", "--slice", "region=north")
        assert [(row["run"], row["value"]) for row in rows] == [("run-1", 0.35), ("run-2", 0.4)]
        assert len(lab.json("runs", "best", f"params.{RATE} < 0.005", "--metric", "auc")) == 1
        assert "auc, region=north" in told(
            lab("runs", "best", "--metric", "auc", "--slice", "region=north")
        )

    def test_what_no_run_has_is_told(self, lab: Lab) -> None:
        assert "did you mean 'auc'?" in lab("runs", "best", "--metric", "acu").err
        done = lab("runs", "best", "--metric", "auc", "--slice", "region=noth")
        assert "did you mean 'region=north'?" in done.err
        assert "at a target" in lab("runs", "best", "--metric", "calibration").err


class TestWords:
    def test_tags_and_notes_are_written_found_shown_and_in_the_audit(self, lab: Lab) -> None:
        assert told(lab("runs", "tag", "latest~1", "owner=ann", "try=2")) == (
            "run-2: owner=ann, try=2\n"
        )
        assert told(lab("runs", "tag", "run-2", "--remove", "try")) == "run-2: owner=ann\n"
        assert told(lab("runs", "note", "run-2", f"strong gust {EVIL}")) == "noted on run-2\n"
        assert [row["run"] for row in lab.json("runs", "list", "tags.owner = ann gust")] == [
            "run-2"
        ]
        shown = told(lab("runs", "show", "run-2"))
        assert "strong gust" in shown
        assert "\x1b" not in shown
        whole = lab.json("runs", "show", "run-2")
        assert (whole["tags"], whole["config"][RATE]) == ({"owner": "ann"}, 0.003)
        assert whole["notes"][0]["text"].startswith("strong gust")
        actions = [one["action"] for one in lab.json("audit", "log")]
        assert actions.count("tags.changed") == 2
        assert actions.count("note.written") == 1

    def test_a_run_is_shown_with_all_that_is_on_record(self, lab: Lab) -> None:
        shown = told(lab("runs", "show", "latest"))
        for word in ("run-3  failed", "Trainer:", "rows.csv", "weight", RATE):
            assert word in shown

    def test_nothing_to_tag_and_an_empty_note_are_refused(self, lab: Lab) -> None:
        assert lab("runs", "tag", "run-1").code == 2
        assert lab("runs", "note", "run-1", " ").code == 2


def test_without_tracking_runs_are_listed_and_the_others_say_what_they_miss(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("run_record.known", "compare.compare", "source_texts", "under_way"):
        monkeypatch.setitem(sys.modules, f"taxiway.tracking.{name}", None)
    _outcome_now.cache_clear()
    assert len(lab.json("runs", "list")) == 3
    for words in (("show", "run-1"), ("compare", "run-1", "run-2")):
        done = lab("runs", *words)
        assert (done.code, "taxiway/tracking" in done.err) == (2, True)
    _outcome_now.cache_clear()


def test_nothing_heavy_is_imported(lab: Lab) -> None:
    program = (
        "import sys\nfrom typer.main import get_command\nfrom taxiway.cli.main import app\n"
        "command = get_command(app)\n"
        "for words in (['list', 'metrics.auc > 0'], ['show', 'run-1'], "
        "['compare', 'run-1', 'run-2'], ['compare', 'run-1', 'run-2', '--html', '-'], "
        "['best', '--metric', 'auc'], ['tag', 'run-1', 'a=b'], ['note', 'run-1', 'x']):\n"
        f"    command.main(['runs', *words, '--config', {TINY!r}, '--set', "
        f"'output.root={lab.root}'], standalone_mode=False)\n"
        "print('\\nloaded', *sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.rpartition("\nloaded")[2].split())
    assert "taxiway.cli.runs" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.one_stack
def test_five_thousand_runs_are_listed_and_compared_in_time(
    tmp_path: Path, here: CommandLine
) -> None:
    """A looser bound than the benchmark's, for machines that have other work; see bench-runs."""
    from benchmarks.runs import fill, in_process

    place = tmp_path / "registry.sqlite"
    options = ("--set", f"registry.path={place}", "--config", TINY)
    with open_database(Desk(tmp_path, here).database.settings).working() as connection:
        fill(connection, tmp_path / "reports")
    for words in (
        ("list", f"params.{RATE} < 0.01 and tags.owner = ann", "--sort", "-metrics.auc"),
        ("list", "--limit", "0"),
        ("compare", "latest~1", "latest"),
    ):
        assert min(in_process((*words, *options), times=1)) < 2.0, words
    open_database.cache_clear()
