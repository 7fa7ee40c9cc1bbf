"""RunReport's section on the task: what it counts is what the rows say, and it can be drawn."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.config.evaluation import Evaluation
from taxiway.evaluation.ranking import Ranking
from taxiway.metadata.records import ArtifactRecord, NodeRecord
from taxiway.modeling.spec import MultiClass, Task
from tests.axe import violations
from tests.browser import page as browser_page
from tests.taxiway.arrow.evaluator.evaluations import execute, prepare
from tests.taxiway.evaluation.tasks import ROWS, SPECIES, SPECS, case, rows

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.one_stack,
    pytest.mark.xdist_group("tasks"),
    pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning"),
]


@pytest.fixture(scope="module")
def evaluations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    found = {}
    for task in SPECS:
        root = tmp_path_factory.mktemp(task)
        found[task] = execute("arrow", *prepare(case(task, Evaluation()), root), root).folder
    return found


def report(
    folder: str, task: str, known: Task | None = None, *others: NodeRecord
) -> dict[str, Any]:
    from components.run_report.logic import build_report
    from components.run_report.sections.known import KnownRun

    blessing = ArtifactRecord(2, "ModelBlessing", "/none", {"blessed": 1})
    evaluation = ArtifactRecord(1, "ModelEvaluation", folder, {})
    outputs = {"evaluation": (evaluation,), "blessing": (blessing,)}
    node = NodeRecord("Evaluator", 1, "COMPLETE", 1.0, outputs)
    spec = dataclasses.replace(SPECS[task], task=known or SPECS[task].task)
    run = KnownRun("penguins", "r1", [node, *others], {}, Ranking("", True, 1), spec)
    return build_report(run)


def section(folder: str, task: str) -> dict[str, Any]:
    found: dict[str, Any] = report(folder, task)["evaluation"]["task"]
    return found


class TestClasses:
    def test_every_row_is_where_it_belongs(self, evaluations: dict[str, str]) -> None:
        found = section(evaluations["MultiClass"], "MultiClass")
        expected = np.zeros((3, 3), np.int64)
        for row in rows():
            expected[SPECIES.index(row["species"]), int(np.argmax(row["species_new"]))] += 1
        assert found["confusion"]["rows"] == expected.tolist()
        assert found["confusion"]["predicted"] == list(SPECIES)
        assert found["rows"] == ROWS
        for number, one in enumerate(found["classes"]):
            assert (one["name"], one["rows"]) == (SPECIES[number], expected[number].sum())
            right = expected[number, number]
            assert one["recall"] == pytest.approx(right / expected[number].sum())
            assert one["precision"] == pytest.approx(right / expected[:, number].sum())
        assert found["mistakes"][0]["rows"] == (expected - np.diag(np.diag(expected))).max()

    def test_yes_and_no_have_their_names(self, evaluations: dict[str, str]) -> None:
        found = section(evaluations["Binary"], "Binary")
        assert [one["name"] for one in found["classes"]] == ["not female", "female"]
        made = rows()
        women = [row for row in made if row["sex"] == "female"]
        assert found["classes"][1]["rows"] == len(women)
        hits = sum(row["sex_new"] > 0.5 for row in women)
        assert found["confusion"]["rows"][1] == [len(women) - hits, hits]

    def test_learned_ones_have_the_names_that_transform_found(
        self, evaluations: dict[str, str], tmp_path: Path
    ) -> None:
        assets = tmp_path / "transform_fn" / "assets"
        assets.mkdir(parents=True)
        (assets / "species_classes").write_text("Gentoo, big\nAdélie\nChinstrap\n")
        graph = ArtifactRecord(3, "TransformGraph", str(tmp_path), {})
        transform = NodeRecord("Transform", 1, "COMPLETE", 1.0, {"transform_graph": (graph,)})
        folder, learned = evaluations["MultiClass"], MultiClass("species")
        found = report(folder, "MultiClass", learned, transform)["evaluation"]["task"]
        assert [one["name"] for one in found["classes"]] == list(SPECIES)

    def test_names_that_are_gone_are_no_reason_to_have_no_report(
        self, evaluations: dict[str, str]
    ) -> None:
        found = report(evaluations["MultiClass"], "MultiClass", MultiClass("species"))
        assert [one["name"] for one in found["evaluation"]["task"]["classes"]] == ["0", "1", "2"]

    def test_the_page_has_them(self, evaluations: dict[str, str]) -> None:
        from components.run_report.logic import render_html

        page = render_html(report(evaluations["MultiClass"], "MultiClass"))
        assert "Multi-class: <code>species</code>" in page
        assert page.count('<td class="number right"') == 3
        assert page.count('<td class="number wrong"') == 6
        assert '<th scope="col" class="number">Gentoo, big</th>' in page
        assert "by <code>weight</code> in the metrics above" in page

    def test_of_many_classes_the_commonest_mistakes_are_listed(self) -> None:
        from components.run_report.sections.task import MOST_CLASSES, MOST_MISTAKES, _classes

        counts = {(i, j): 100 - 10 * abs(i - j) for i in range(20) for j in range(max(0, i - 3), i)}
        found = _classes({**counts, (19, -1): 5}, ["one", "two"])
        assert len(found["classes"]) == 20 > MOST_CLASSES
        assert found["confusion"] is None
        assert [one["name"] for one in found["classes"][:3]] == ["one", "two", "2"]
        assert len(found["mistakes"]) == MOST_MISTAKES
        assert found["mistakes"][0] == {"actual": "two", "predicted": "one", "rows": 90}

    def test_a_row_that_is_taken_for_nothing_has_a_column(self) -> None:
        from components.run_report.sections.task import _classes

        found = _classes({(0, 0): 3, (0, -1): 1, (1, 1): 2}, ("a", "b"))
        assert found["confusion"] == {
            "predicted": ["none", "a", "b"],
            "first": -1,
            "rows": [[1, 3, 0], [0, 0, 2]],
        }
        assert found["classes"][0]["recall"] == 0.75


class TestThresholds:
    """Curves of a Binary are those of its rows."""

    def test_the_area_below_roc_is_that_of_the_rows(self, evaluations: dict[str, str]) -> None:
        curves = section(evaluations["Binary"], "Binary")["curves"]
        made = rows()
        yes = np.array([row["sex"] == "female" for row in made])
        p = np.array([row["sex_new"] for row in made])
        pairs = p[yes][:, np.newaxis] - p[~yes]
        area = ((pairs > 0) + (pairs == 0) / 2).mean()
        x, y = np.array(curves["roc"]).T
        assert ((y[1:] + y[:-1]) / 2 * np.diff(x)).sum() == pytest.approx(area, abs=0.01)
        assert curves["base_rate"] == pytest.approx(yes.mean())
        assert curves["roc"][-1] == [1.0, 1.0]
        assert curves["precision_recall"][-1] == pytest.approx([1.0, yes.mean()])

    def test_labels_that_are_all_the_same_have_none(self) -> None:
        from components.run_report.sections.task import threshold_curves
        from taxiway.evaluation.pictures import Bucket

        assert threshold_curves([Bucket(0.1, 0.2, 0.0, 0.6, 4.0)]) is None
        assert threshold_curves([]) is None

    def test_a_curve_has_no_more_points_than_can_be_told_apart(self) -> None:
        from components.run_report.sections.task import MOST_POINTS, threshold_curves
        from taxiway.evaluation.pictures import Bucket

        found = [Bucket(n / 900, (n + 1) / 900, n % 2, n / 900, 1.0) for n in range(900)]
        curves = threshold_curves(found)
        assert curves
        assert len(curves["roc"]) <= MOST_POINTS + 1
        assert curves["roc"][-1] == pytest.approx([1.0, 1.0])


class TestNumbers:
    def test_groups_lie_where_predictions_and_labels_do(self, evaluations: dict[str, str]) -> None:
        found = section(evaluations["Regression"], "Regression")["calibration"]
        groups, made = found["groups"], rows()
        assert sum(group["rows"] for group in groups) == ROWS
        predicted = [group["predicted"] for group in groups]
        assert predicted == sorted(predicted)
        means = [
            sum(group[which] * group["rows"] for group in groups) / ROWS
            for which in ("predicted", "actual")
        ]
        columns = [np.mean([row[name] for row in made]) for name in ("mass_g_new", "mass_g")]
        assert means == pytest.approx(columns)

    def test_residuals_are_counted_to_the_last_row(self, evaluations: dict[str, str]) -> None:
        found = section(evaluations["Regression"], "Regression")["residuals"]
        residuals = np.array([row["mass_g"] - row["mass_g_new"] for row in rows()])
        assert sum(found["rows"]) == pytest.approx(ROWS)
        assert found["mean"] == pytest.approx(residuals.mean(), abs=1e-3)
        assert found["reach"] == pytest.approx(np.quantile(abs(residuals), 0.98), rel=0.1)
        bins = len(found["rows"])
        below = (residuals < -found["reach"] / bins).sum()  # left of the bin around 0
        assert sum(found["rows"][: bins // 2]) == pytest.approx(below, abs=2)

    def test_the_page_draws_them(self, evaluations: dict[str, str]) -> None:
        from components.run_report.logic import render_html

        found = report(evaluations["Regression"], "Regression")
        page, task = render_html(found), found["evaluation"]["task"]
        assert page.count("<circle") == len(task["calibration"]["groups"])
        assert "Calibration: predicted against actual</title>" in page
        drawn = re.search(r'<g class="series columns">(.*?)</g>', page)
        assert drawn
        assert drawn[1].count("<rect") == len(task["residuals"]["rows"])
        assert "nan" not in page


def test_the_page_of_each_task_is_accessible(evaluations: dict[str, str], tmp_path: Path) -> None:
    from components.run_report.logic import write_report

    with browser_page(tmp_path / "profile") as opened:
        for task, folder in evaluations.items():
            write_report(report(folder, task), tmp_path / task)
            for width, scheme in ((400, "dark"), (1600, "light")):
                opened.open((tmp_path / task / "report.html").as_uri(), width, scheme)
                opened.wait_for("document.querySelector('#again')")
                opened.wait_for("document.readyState === 'complete'")
                assert violations(opened) == []
            opened.picture(tmp_path / f"{task}.png")


def test_an_evaluation_that_taxiway_did_not_ask_for_has_no_section(tmp_path: Path) -> None:
    from tests.taxiway.arrow.evaluator.cases import asked, numbers
    from tests.taxiway.arrow.evaluator.evaluations import Case

    made = [{"late": i % 2, "better": 0.5} for i in range(9)]
    other = Case(made, asked(), [lambda read: read["better"]], numbers("better"))
    folder = execute("arrow", *prepare(other, tmp_path), tmp_path).folder
    assert section(folder, "Binary") is None
