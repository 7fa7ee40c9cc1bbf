"""The benchmark as a whole, with made-up runs: turns, the check that stops it, what it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks.__main__ import Benchmark
from benchmarks.one_run import config_of
from benchmarks.records import Check, Finding, read_results
from taxiway.errors import DataError, TaxiwayError
from tests.benchmarks.conftest import run
from tests.example import needs_example


class Pretended(Benchmark):
    """Writes made-up results where the real one starts a process."""

    started: list[str]
    same: bool = True

    def _start(self, name: str, line: list[str], wrote: Path | None = None) -> None:
        self.started.append(name)
        output = Path(line[line.index("--output") + 1])
        output.parent.mkdir(parents=True, exist_ok=True)
        rows = int(line[line.index("--rows") + 1])
        made: Any
        if line[0] == "compare":
            finding = Finding(what="metrics", same=self.same, detail="auc")
            made = Check(rows=rows, findings=(finding,))
        else:
            side: Any = line[1]
            (self.root / "runs" / f"{side}-{rows}").mkdir(exist_ok=True)
            made = run(side, rows, 10.0)
        output.write_text(made.model_dump_json())


@pytest.fixture
def benchmark(tmp_path: Path) -> Pretended:
    made = Pretended(tmp_path / "root", tmp_path / "out", False, Console(quiet=True))
    made.started = []
    return made


def test_the_sides_take_turns_and_the_first_changes(benchmark: Pretended) -> None:
    benchmark.both(300, repeats=2)
    assert benchmark.started == [
        "300, stock",
        "300, taxiway",
        "300, comparing what both made",
        "300, taxiway, run 2",
        "300, stock, run 2",
    ]


def test_it_stops_where_the_two_did_not_make_the_same(benchmark: Pretended) -> None:
    benchmark.same = False
    with pytest.raises(TaxiwayError, match=r"at 300 rows .* did not make the same thing"):
        benchmark.both(300, repeats=2)
    assert len(benchmark.started) == 3
    (check,) = read_results(benchmark.output / "results.json").checks
    assert not check.same
    assert (benchmark.root / "runs" / "stock-300").is_dir()


def test_what_is_known_is_on_disk_after_every_run(benchmark: Pretended) -> None:
    benchmark.run("stock", 300, 1)
    (found,) = read_results(benchmark.output / "results.json").runs
    assert (found.side, found.rows) == ("stock", 300)


def test_a_size_that_is_measured_anew_takes_the_place_of_its_earlier_runs(
    benchmark: Pretended,
) -> None:
    for rows in (300, 400):
        benchmark.both(rows, repeats=1)
    again = Pretended(benchmark.root, benchmark.output, False, Console(quiet=True))
    again.started = []
    again.add_to_earlier({400})
    again.both(400, repeats=1)
    found = read_results(benchmark.output / "results.json")
    assert [(run.side, run.rows) for run in found.runs] == [
        (side, rows) for rows in (300, 400) for side in ("stock", "taxiway")
    ]
    assert [check.rows for check in found.checks] == [300, 400]


def test_there_must_be_results_to_add_to(benchmark: Pretended) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        benchmark.add_to_earlier({300})


def test_what_the_runs_made_is_removed_unless_it_is_to_be_kept(benchmark: Pretended) -> None:
    benchmark.alone(300, repeats=1)
    assert not (benchmark.root / "runs" / "taxiway-300").exists()
    benchmark.keep = True
    benchmark.alone(300, repeats=1)
    assert (benchmark.root / "runs" / "taxiway-300").is_dir()


def test_a_run_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    real = Benchmark(tmp_path / "root", tmp_path / "out", False, Console(quiet=True))
    with pytest.raises(
        TaxiwayError, match=r"300, stock: ended with exit code 1:\n.*no input of 300"
    ):
        real.run("stock", 300, 1)


@needs_example
def test_a_run_without_input_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"benchmarks\.data --rows 300"):
        config_of(tmp_path, 300, tmp_path / "run")


@needs_example
def test_both_sides_are_given_what_a_user_would_run(tmp_path: Path) -> None:
    from benchmarks import data
    from taxiway.config.loader import load_config

    data.make_input(300, tmp_path)
    config, base = config_of(tmp_path, 300, tmp_path / "run"), load_config()
    ours, theirs = config.model.hyperparameters, base.model.hyperparameters
    assert ours.hidden_units == theirs.hidden_units
    assert config.evaluation.metrics == base.evaluation.metrics
    assert config.evaluation.slices == base.evaluation.slices == (("origin",), ("carrier",))
    assert len(config.evaluation.thresholds) == len(base.evaluation.thresholds)
    assert config.data.schema_file == base.data.schema_file
