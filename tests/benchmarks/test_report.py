"""Tables, chart and page: every figure comes from the JSON, and nothing is made up for a gap."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import report
from benchmarks.chart import draw, lanes
from benchmarks.records import Check, Finding, Results, read_results
from benchmarks.summary import typical
from taxiway.errors import ConfigError, DataError
from tests.benchmarks.conftest import node, run
from tests.conftest import REPOSITORY


def shown(results: Results) -> str:
    console = Console(width=report.PIPE_WIDTH, record=True, quiet=False, file=None)
    with console.capture() as captured:
        report.show(results, console)
    return captured.get()


def line_of(text: str, name: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.startswith(name))
    return re.split(r"\s{2,}", line.strip())


class TestFigures:
    def test_a_ratio_says_how_many_times_faster(self) -> None:
        assert report.ratio(120.0, 30.0) == "4.0"

    def test_no_ratio_is_given_of_next_to_nothing(self) -> None:
        assert report.ratio(0.01, 30.0) == report.ratio(5.0, 0.0) == ""

    def test_the_typical_run_is_the_median_one(self) -> None:
        runs = [run("stock", 300, seconds) for seconds in (9.0, 1.0, 5.0)]
        found = report.typical(runs, "stock", 300)
        assert found is not None
        assert found.seconds == 5.0
        assert report.typical(runs, "taxiway", 300) is None

    def test_time_without_a_node_is_counted_once_where_nodes_overlap(self) -> None:
        one = run("stock", 300, 10.0)
        nodes = (node("a", 1.0, 4.0), node("b", 2.0, 2.0), node("c", 6.0, 3.0))
        one = one.model_copy(update={"nodes": nodes})
        assert report.start_seconds(one) == 1.0
        assert report.idle_seconds(one) == pytest.approx(2.0)


class TestTable:
    def test_it_pairs_nodes_that_have_other_names(self, results: Results) -> None:
        text = shown(results)
        nodes = text.split("3,367,760 rows")[0]
        assert line_of(nodes, "ExampleGen")[1:4] == ["12.0", "3.0", "4.0"]
        assert line_of(nodes, "ExampleGen")[-1] == "2 + 1"

    def test_short_nodes_share_a_line(self, results: Results) -> None:
        assert "ImportSchemaGen" not in shown(results)
        assert "1 other nodes" in shown(results)

    def test_a_side_that_did_not_run_has_no_figures(self, results: Results) -> None:
        alone = shown(results).split("3,367,760 rows")[1]
        assert line_of(alone, "whole run")[1:3] == ["70.0", "56.0"]

    def test_nodes_side_by_side_are_marked(self, results: Results) -> None:
        one = results.runs[0]
        nodes = (node("Transform", 1.0, 9.0, shared=True), *one.nodes[:1])
        text = shown(
            results.model_copy(update={"runs": (one.model_copy(update={"nodes": nodes}),)})
        )
        assert line_of(text, "Transform")[2] == "8.1*"
        assert "* nodes ran side by side" in text

    def test_it_says_what_was_not_the_same(self, results: Results) -> None:
        bad = Finding(what="metrics", same=False, detail="auc of overall: 1 from stock")
        check = Check(rows=27_000, findings=(bad,))
        text = shown(results.model_copy(update={"checks": (check,)}))
        assert "27k: DIFFERENT metrics: auc of overall: 1 from stock" in text

    def test_it_says_where_the_machine_was_not_quiet(self, results: Results) -> None:
        busy = results.runs[0].model_copy(update={"other_cpu_seconds": 60.0})
        text = shown(results.model_copy(update={"runs": (busy,)}))
        assert "27k, stock: others took 25% of the machine" in text


class TestPage:
    def test_the_table_has_a_line_a_side_and_size(self, results: Results) -> None:
        lines = report.markdown(results).splitlines()
        assert lines[2] == (
            "| 27,000 | stock TFX | 12.0 |  | 48.0 |  | 24.0 | **120.0** |  | 4444 | 2.00 GB |"
        )
        assert lines[3].endswith("| **30.0** | 4.0 | 1111 | 2.00 GB |")
        assert lines[4].startswith("| 3,367,760 | Taxiway |")
        assert lines[4].endswith("| **70.0** |  | 21 | 2.00 GB |")
        assert len(lines) == 5

    def test_only_what_is_between_the_marks_is_replaced(
        self, results: Results, tmp_path: Path
    ) -> None:
        page = tmp_path / "speed.md"
        page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
        report.write_page(page, results, "chart.svg")
        report.write_page(page, results, "chart.svg")
        text = page.read_text()
        assert text.startswith(f"before\n{report.BEGIN}\n![")
        assert text.endswith(f"2026-01-31.\n{report.END}\nafter\n")
        assert "old" not in text

    def test_a_page_without_a_place_for_it_is_refused(
        self, results: Results, tmp_path: Path
    ) -> None:
        page = tmp_path / "speed.md"
        page.write_text(f"{report.END}\n{report.BEGIN}\n")
        with pytest.raises(ConfigError, match="no place for the table"):
            report.write_page(page, results, "chart.svg")

    def test_ours_holds_no_figure_but_those_of_the_results(self) -> None:
        text = (REPOSITORY / "docs/explanation/speed.md").read_text()
        section = text.split(report.BEGIN)[1].split(report.END)[0].strip()
        path = REPOSITORY / report.RESULTS
        if path.exists():
            chart = f"../../{(report.RESULTS.parent / report.CHART).as_posix()}"
            assert section == report.page_section(read_results(path), chart)
            assert (REPOSITORY / "docs/explanation" / chart).is_file()
        else:
            assert not re.search(r"\d", section)

    def test_the_chart_is_named_from_where_the_page_is(
        self, results: Results, tmp_path: Path
    ) -> None:
        page = tmp_path / "docs" / "explanation" / "speed.md"
        page.parent.mkdir(parents=True)
        page.write_text(f"{report.BEGIN}\n{report.END}\n")
        (tmp_path / "made").mkdir()
        report.publish(results, tmp_path / "made", page, Console(quiet=True))
        assert "](../../made/chart.svg)" in page.read_text()

    def test_the_two_figures_of_the_readme_are_among_them(self) -> None:
        runs = read_results(REPOSITORY / report.RESULTS).runs
        stock, taxiway = (typical(runs, side, 336_776) for side in ("stock", "taxiway"))
        assert stock is not None
        assert taxiway is not None
        text = (REPOSITORY / "README.md").read_text()
        assert f"in {taxiway.seconds:.1f} s, where stock TFX takes {stock.seconds:.1f} s" in text


class TestChart:
    def test_it_names_every_size_side_and_total(self, results: Results, tmp_path: Path) -> None:
        draw(results, tmp_path / "chart.svg")
        words = [text.strip() for text in ET.parse(tmp_path / "chart.svg").getroot().itertext()]
        assert {"27k rows", "3.4m rows", "stock TFX", "Taxiway"} <= set(words)
        assert {"120 s, 2.0 GB", "30 s, 2.0 GB", "70 s, 2.0 GB"} <= set(words)

    def test_the_same_results_give_the_same_picture(self, results: Results, tmp_path: Path) -> None:
        for name in ("one", "other"):
            draw(results, tmp_path / name)
        assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()

    def test_nodes_side_by_side_are_in_lanes_of_their_own(self) -> None:
        nodes = [node("a", 0.0, 5.0), node("b", 1.0, 2.0), node("c", 3.5, 2.0), node("d", 6.0, 1.0)]
        assert [(lane, one.node) for lane, one in lanes(nodes)] == [
            (0, "a"),
            (1, "b"),
            (1, "c"),
            (0, "d"),
        ]


class TestResults:
    def test_they_are_read_as_they_were_written(self, results: Results, tmp_path: Path) -> None:
        (tmp_path / "results.json").write_text(results.model_dump_json())
        assert read_results(tmp_path / "results.json") == results

    def test_another_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "results.json").write_text('{"runs": 3}')
        with pytest.raises(DataError, match="is no result of this benchmark"):
            read_results(tmp_path / "results.json")
        with pytest.raises(DataError, match="cannot be read"):
            read_results(tmp_path / "missing.json")
