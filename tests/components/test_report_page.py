"""The report of a real run: what it has, how large it is, and how it is seen and reached."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.axe import LOOKS, violations
from tests.browser import Page, page
from tests.conftest import Run

TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
FOCUSED = "document.activeElement.outerHTML.slice(0, 120)"
MOST_BYTES = 3_000_000

pytestmark = [pytest.mark.pipeline, pytest.mark.one_stack, pytest.mark.xdist_group("report-page")]


@dataclasses.dataclass(frozen=True)
class Reported:
    """The files of a run's report."""

    folder: Path

    @property
    def values(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "report.json").read_text(encoding="utf-8")))

    @property
    def page(self) -> str:
        return (self.folder / "report.html").read_text(encoding="utf-8")

    @property
    def url(self) -> str:
        return (self.folder / "report.html").resolve().as_uri()


@pytest.fixture(scope="module")
def reported(second_run: Run) -> Reported:
    workspace, report = second_run
    return Reported(workspace.root / "reports" / report["run_id"])


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with page(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


class TestWhatItSays:
    def test_every_section_was_made(self, reported: Reported) -> None:
        values = reported.values
        assert values["missing"] == {}
        made = ("graph", "data", "anomalies", "baselines", "lineage", "config_changes")
        assert [key for key in made if values[key] is None] == []
        assert values["sentence"].startswith("Succeeded: version 1.0.0 was blessed and pushed to ")
        assert reported.page.count("Not on record") <= 1  # curves, of a release without them

    def test_data_are_those_of_the_run(self, reported: Reported) -> None:
        data = reported.values["data"]
        assert data["spans"] == "1, 2, 3"
        assert (data["rows"]["train"], data["rows"]["eval"]) == (1200, 600)
        assert 0.2 < data["labels"]["train"]["rate"] < 0.4
        by_name = {one["name"]: one for one in data["features"]}
        assert set(by_name) > {"hour", "region", "temperature"}
        for one in by_name.values():
            few = one["name"] != "city"  # of which the commonest are drawn
            for shares in (one["now"], one["then"]):
                assert (sum(shares) == pytest.approx(1, abs=0.01)) == few
            assert one["bound"] == pytest.approx(0.3)
            assert one["distance"] >= 0
        assert set(by_name["region"]["values"]) == {"north", "south", "west"}

    def test_a_linear_model_knows_more_than_a_constant(self, reported: Reported) -> None:
        found = reported.values["baselines"]
        constant, linear = found["constant"]["metrics"], found["linear"]["metrics"]
        assert constant["auc"] == 0.5
        assert linear["auc"] > 0.75
        assert linear["binary_crossentropy"] < constant["binary_crossentropy"]
        assert (found["train_rows"], found["eval_rows"]) == (1200, 600)

    def test_slices_are_sorted_worst_first_with_their_rows(self, reported: Reported) -> None:
        slices = reported.values["evaluation"]["by_slice"]
        aucs = [one["metrics"]["auc"] for one in slices]
        assert aucs == sorted(aucs)
        assert sum(one["rows"] for one in slices) == 600

    def test_the_graph_has_the_way_of_the_data(self, reported: Reported) -> None:
        edges = {tuple(one) for one in reported.values["graph"]["edges"]}
        assert {("ArrowExampleGen", "StatisticsGen"), ("Trainer", "Evaluator")} <= edges
        assert "Graph of the run</title>" in reported.page

    def test_lineage_ends_at_the_version(self, reported: Reported) -> None:
        lineage = reported.values["lineage"]
        (subject,) = (one for one in lineage["boxes"] if one["is_subject"])
        assert subject["lines"][0].startswith("ModelVersion #")
        kinds = {one["lines"][0].partition(" #")[0] for one in lineage["boxes"]}
        assert {"Examples", "Schema", "Model", "HyperParameters"} <= kinds

    def test_config_is_told_beside_the_base(self, reported: Reported) -> None:
        changes = {one["key"]: one for one in reported.values["config_changes"]}
        assert changes["model.module"]["value"] == "tests.tiny"
        assert "output.root" in changes
        assert "pipeline.cache" not in changes


class TestHowItIsSeen:
    def test_it_is_small_and_asks_nobody_and_needs_no_script(self, reported: Reported) -> None:
        assert len(reported.page.encode()) < MOST_BYTES
        for word in ("<script", "<link", "@import", "http:", "https:", "src=", "onload"):
            assert word not in reported.page

    @pytest.mark.parametrize(("width", "scheme"), LOOKS)
    def test_it_is_accessible_and_fits(
        self, opened: Page, reported: Reported, width: int, scheme: str
    ) -> None:
        opened.requests.clear()
        opened.open(reported.url, width, scheme)
        opened.wait_for("document.readyState === 'complete' && document.querySelector('#again')")
        assert not opened.value(TOO_WIDE)
        dark = opened.value("getComputedStyle(document.body).backgroundColor") != (
            "rgb(255, 255, 255)"
        )
        assert dark == (scheme == "dark")
        assert violations(opened) == []
        assert set(opened.requests) <= {reported.url}
        assert opened.complaints == []

    def test_the_keyboard_reaches_the_content_and_each_table(
        self, opened: Page, reported: Reported
    ) -> None:
        opened.open(reported.url, 400)
        opened.wait_for("document.readyState === 'complete' && document.querySelector('#again')")
        opened.press("Tab")
        assert 'class="skip"' in opened.value(FOCUSED)
        seen: set[str] = set()
        for _ in range(200):
            opened.press("Tab")
            label = opened.value("document.activeElement.getAttribute('aria-label') || ''")
            seen.add(label)
            if opened.value("document.activeElement === document.body"):
                break
        regions = opened.value(
            "[...document.querySelectorAll('[role=region]')].filter(one => one.checkVisibility())"
            ".map(one => one.getAttribute('aria-label'))"
        )
        assert set(regions) <= seen
        assert "Graph of the run" in seen
