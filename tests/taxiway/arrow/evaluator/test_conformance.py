"""The Evaluator's arrow engine: what it writes is what TFMA writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.taxiway.arrow.evaluator.cases import CASES, Both, numbers, rows
from tests.taxiway.arrow.evaluator.evaluations import (
    Case,
    differences,
    execute,
    metrics_of,
    plots_of,
    prepare,
    verdict_of,
)

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("evaluator")]


@pytest.fixture(scope="module", params=CASES)
def both(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Both:
    root = tmp_path_factory.mktemp("case")
    prepared = prepare(CASES[request.param](), root)
    return Both(*(execute(engine, *prepared, root) for engine in ("arrow", "beam")))


class TestConformance:
    """Downstream cannot tell which engine ran."""

    def test_every_metric_of_every_slice_is_equal(self, both: Both) -> None:
        ours, theirs = metrics_of(both.arrow.folder), metrics_of(both.beam.folder)
        assert ours.keys() == theirs.keys()
        for name, of_slice in theirs.items():
            assert ours[name].keys() == of_slice.keys(), name
            for key, metric in of_slice.items():
                assert not differences(ours[name][key], metric), (name, key)

    def test_every_plot_of_every_slice_is_equal(self, both: Both) -> None:
        ours, theirs = plots_of(both.arrow.folder), plots_of(both.beam.folder)
        assert ours.keys() == theirs.keys()
        for name, of_slice in theirs.items():
            assert not differences(ours[name], of_slice), name

    def test_the_verdict_and_the_blessing_are_equal(self, both: Both) -> None:
        assert verdict_of(both.arrow.folder) == verdict_of(both.beam.folder)
        assert both.arrow.blessing == both.beam.blessing
        assert both.arrow.properties == both.beam.properties

    def test_the_files_have_the_same_names_and_the_same_config(self, both: Both) -> None:
        folders = [Path(done.folder) for done in (both.arrow, both.beam)]
        ours, theirs = [sorted(path.name for path in folder.iterdir()) for folder in folders]
        assert ours == theirs
        ours, theirs = [json.loads((f / "eval_config.json").read_text()) for f in folders]
        assert ours == theirs

    def test_tfma_loads_and_views_it(self, both: Both) -> None:
        import tensorflow_model_analysis as tfma
        from tensorflow_model_analysis.view import util

        seen = []
        for done in (both.arrow, both.beam):
            names = [s.name for s in tfma.load_eval_result(done.folder).config.model_specs]
            loaded = tfma.load_eval_result(done.folder, model_name=names[0])
            view = util.get_slicing_metrics(loaded.slicing_metrics)
            seen.append((names, sorted(each["slice"] for each in view)))
        assert seen[0] == seen[1]


def test_the_cases_pass_and_fail(tmp_path: Path) -> None:
    """Both verdicts are among those compared above; said here, so that neither gets lost."""
    verdicts = []
    for name in ("binary, against a baseline", "binary, the first"):
        root = tmp_path / name
        done = execute("arrow", *prepare(CASES[name](), root), root)
        verdict = verdict_of(done.folder)
        reasons = [bool(verdict.metric_validations_per_slice), bool(verdict.missing_slices)]
        verdicts.append((done.blessing, done.properties.get("blessed"), reasons))
    assert verdicts == [("NOT_BLESSED", "", [True, True]), ("BLESSED", 1, [False, False])]


def test_a_bound_on_what_is_no_number_is_told_as_such(tmp_path: Path) -> None:
    """A config with it is refused before the run; an EvalConfig of one's own may have it."""
    from taxiway.evaluation.results import blessing_reasons

    plot = """
    model_specs { label_key: "late" }
    metrics_specs { metrics {
      class_name: "CalibrationPlot" config: '{"name": "plot"}'
      threshold { value_threshold { lower_bound { value: 0.1 } } }
    } }
    """
    case = Case(rows(), plot, [lambda read: read["better"]], numbers("better"))
    done = execute("arrow", *prepare(case, tmp_path), tmp_path)
    assert "plot on overall has no value: Metric not found." in blessing_reasons(done.folder)


def test_matrices_of_a_histogram_are_those_that_tfma_walks_to() -> None:
    from tensorflow_model_analysis.metrics import binary_confusion_matrices as bcm
    from tensorflow_model_analysis.metrics import calibration_histogram

    from taxiway.arrow.evaluator.combiners import Buckets
    from taxiway.arrow.evaluator.plan import matrices
    from taxiway.arrow.evaluator.sums import CellSums

    random = np.random.default_rng(4)
    cells = np.array([0, 1, 2, 51, 5000, 5001, 9999, 10000, 10001])
    examples = random.random(9)
    sums = CellSums(cells, np.stack([examples * random.random(9), examples, examples], axis=1))
    for count in (10000, 200, 3, 2):
        thresholds = bcm._interpolated_thresholds(count)
        fences = [t + bcm._EPSILON if t != 0 else t for t in thresholds]
        rebinned = calibration_histogram.rebin(fences, Buckets(sums))
        theirs = bcm._histogram_to_binary_confusion_matrices(thresholds, rebinned)
        for ours, expected in zip(matrices(thresholds, sums), theirs, strict=True):
            np.testing.assert_allclose(ours, expected, atol=1e-12)
