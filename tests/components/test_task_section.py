"""RunReport's section on the task: what it counts is what the rows say, and it can be drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.config.evaluation import Evaluation
from taxiway.evaluation.ranking import Ranking
from taxiway.metadata.records import ArtifactRecord, NodeRecord
from taxiway.modeling.spec import MultiClass, Task
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

    blessing = ArtifactRecord(2, "ModelBlessing", "/none", {"blessed": 1})
    evaluation = ArtifactRecord(1, "ModelEvaluation", folder, {})
    outputs = {"evaluation": (evaluation,), "blessing": (blessing,)}
    node = NodeRecord("Evaluator", 1, "COMPLETE", 1.0, outputs)
    ranking = Ranking("", True, 1)
    of = known or SPECS[task].task
    return build_report("penguins", "r1", [node, *others], {}, ranking, of)


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
        assert '<th class="number">Gentoo, big</th>' in page
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
        assert found["ticks"][0] <= min(predicted)
        assert found["ticks"][-1] >= max(predicted)

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
        assert page.count('<circle class="dot"') == len(task["calibration"]["groups"])
        assert page.count('<rect class="bar"') == len(task["residuals"]["rows"])
        assert "nan" not in page

    @pytest.mark.parametrize(
        ("low", "high", "expected"),
        [
            (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            (-3.2, 4.1, [-4, -2, 0, 2, 4, 6]),
            (2775, 5211, [2500, 3000, 3500, 4000, 4500, 5000, 5500]),
            (7, 7, [7, 8]),
        ],
    )
    def test_ticks_are_round_and_around(self, low: float, high: float, expected: list[Any]) -> None:
        from components.run_report.sections.task import ticks

        assert ticks(low, high) == pytest.approx(expected)


def test_an_evaluation_that_taxiway_did_not_ask_for_has_no_section(tmp_path: Path) -> None:
    from tests.taxiway.arrow.evaluator.cases import asked, numbers
    from tests.taxiway.arrow.evaluator.evaluations import Case

    made = [{"late": i % 2, "better": 0.5} for i in range(9)]
    other = Case(made, asked(), [lambda read: read["better"]], numbers("better"))
    folder = execute("arrow", *prepare(other, tmp_path), tmp_path).folder
    assert section(folder, "Binary") is None
