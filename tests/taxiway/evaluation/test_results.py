"""Results: a real evaluation by TFMA, read back as plain numbers and sentences."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.metrics import log_loss, roc_auc_score

from taxiway.evaluation.ranking import Ranking
from tests.taxiway.evaluation.conftest import ROWS, Evaluated

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("evaluation")]


@pytest.fixture
def results() -> Any:
    from taxiway.evaluation import results

    return results


class TestResults:
    """A real evaluation by TFMA, read back."""

    def test_the_whole_comes_first_and_the_figures_are_right(
        self, results: Any, compared: Evaluated
    ) -> None:
        rows = compared.rows
        slices = results.read_metrics(compared.uri)
        assert [item.name for item in slices] == ["overall", "origin=EWR", "origin=JFK"]
        for item in slices:
            part = rows if item.name == "overall" else rows[rows.origin == item.name[-3:]]
            assert item.metrics["example_count"] == len(part)
            assert item.metrics["auc"] == pytest.approx(
                roc_auc_score(part.late, part.probability), abs=1e-3
            )
            assert item.metrics["binary_crossentropy"] == pytest.approx(
                log_loss(part.late, part.probability), abs=1e-4
            )
            change = roc_auc_score(part.late, part.probability) - roc_auc_score(
                part.late, part.before
            )
            assert item.change["auc"] == pytest.approx(change, abs=1e-3)
        assert not any(name.endswith("_diff") for item in slices for name in item.metrics)

    def test_without_a_baseline_there_is_no_change(self, results: Any, alone: Evaluated) -> None:
        slices = results.read_metrics(alone.uri)
        assert [item.name for item in slices] == ["overall", "origin=EWR", "origin=JFK"]
        assert [item.change for item in slices] == [{}, {}, {}]
        assert slices[0].metrics["example_count"] == ROWS

    def test_each_broken_bound_is_one_sentence(self, results: Any, compared: Evaluated) -> None:
        whole, ewr, _ = results.read_metrics(compared.uri)
        assert sorted(results.blessing_reasons(compared.uri)) == sorted(
            [
                f"auc on overall is {whole.metrics['auc']:.4f}, must be at least 0.9",
                f"auc on origin=EWR is {ewr.metrics['auc']:.4f}, must be at least 0.6",
                f"calibration on overall is {whole.metrics['calibration']:.4f}, "
                "must be at least 0.1 and at most 0.2",
                f"change in auc on overall is {whole.change['auc']:.4f}, must be at least -0.02",
                "change in binary_crossentropy on overall is "
                f"{whole.change['binary_crossentropy']:.4f}, must be at most +0.01",
                "no rows for the slices of carrier=any",
            ]
        )

    def test_a_model_that_passes_has_no_reasons(self, results: Any, alone: Evaluated) -> None:
        assert results.blessing_reasons(alone.uri) == []


def test_the_worst_slices_are_ranked_without_the_whole_and_the_tiny(results: Any) -> None:
    def one(name: str, **metrics: float) -> Any:
        return results.SliceMetrics(name, metrics, {})

    slices = [
        one(results.OVERALL, auc=0.1, example_count=1000),
        one("a=tiny", auc=0.2, example_count=99),
        one("a=low", auc=0.5, example_count=100),
        one("a=high", auc=0.9, example_count=500),
        one("a=uncounted", auc=0.6),
        one("a=unmeasured", example_count=500),
    ]
    assert [item.name for item in results.worst_slices(slices, Ranking("auc", True, 100), 2)] == [
        "a=low",
        "a=uncounted",
    ]
    assert results.worst_slices(slices, Ranking("auc", True, 1), 9)[0].name == "a=tiny"
    lowest_first = results.worst_slices(slices, Ranking("auc", False, 1), 9)
    assert [item.name for item in lowest_first][-1] == "a=tiny"
    assert results.worst_slices(slices, Ranking("", False, 1), 9) == []


def test_overall_metrics_are_those_of_the_whole(results: Any) -> None:
    part = results.SliceMetrics("origin=JFK", {"auc": 0.9}, {})
    whole = results.SliceMetrics(results.OVERALL, {"auc": 0.7}, {})
    assert results.overall_metrics([part, whole]) == {"auc": 0.7}
    assert results.overall_metrics([part]) == {}
