"""Confidence intervals of the Evaluator's arrow engine: by the bootstrap, and by formula."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.taxiway.arrow.evaluator.cases import (
    ANALYTIC,
    BOOTSTRAP,
    Both,
    asked,
    confident,
    evaluated,
    numbers,
)
from tests.taxiway.arrow.evaluator.evaluations import (
    Case,
    differences,
    execute,
    metrics_of,
    prepare,
    verdict_of,
)

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("evaluator")]


class TestBootstrap:
    """TFMA's Poisson bootstrap; its draws are by chance, their form is not."""

    @pytest.fixture(scope="class")
    def resampled(self, tmp_path_factory: pytest.TempPathFactory) -> Both:
        root = tmp_path_factory.mktemp("bootstrap")
        prepared = prepare(confident(BOOTSTRAP), root)
        return Both(*(execute(engine, *prepared, root) for engine in ("arrow", "beam")))

    def test_values_are_equal_and_intervals_are_where_tfma_has_them(self, resampled: Both) -> None:
        ours, theirs = metrics_of(resampled.arrow.folder), metrics_of(resampled.beam.folder)
        assert ours.keys() == theirs.keys()
        for name in theirs:
            assert ours[name].keys() == theirs[name].keys()
            for key, metric in theirs[name].items():
                assert not differences(ours[name][key].value, metric.value)
                mine, other = ours[name][key].confidence_interval, metric.confidence_interval
                assert mine.lower_bound.WhichOneof("type") == other.lower_bound.WhichOneof("type")
                assert mine.degrees_of_freedom == other.degrees_of_freedom, key

    def test_standard_errors_are_those_of_a_share(self, tmp_path: Path) -> None:
        """sqrt(p (1 - p) / n); 20 samples tell it to a sixth, 50 slices of them to a fortieth."""
        random = np.random.default_rng(9)
        made = [
            {"late": int(random.integers(0, 2)), "better": float(random.random()), "part": i % 50}
            for i in range(5000)
        ]
        config = asked("BinaryAccuracy", slicing='feature_keys: "part"') + BOOTSTRAP
        case = Case(made, config, [lambda read: read["better"]], numbers("better"))
        ratios = []
        for of_slice in evaluated(case, tmp_path).values():
            (metric,) = of_slice.values()
            share = metric.value.double_value.value
            error = metric.confidence_interval.standard_error.double_value.value
            ratios.append(error / np.sqrt(share * (1 - share) / 100))
        assert len(ratios) == 50
        assert 0.9 < float(np.exp(np.mean(np.log(ratios)))) < 1.1

    def test_the_verdict_is_on_the_values(self, resampled: Both) -> None:
        assert verdict_of(resampled.arrow.folder) == verdict_of(resampled.beam.folder)

    def test_our_reader_reads_it(self, resampled: Both) -> None:
        from taxiway.evaluation.results import read_metrics

        for done in (resampled.arrow, resampled.beam):
            whole = read_metrics(done.folder)[0]
            assert {"auc", "recall", "example_count"} <= whole.metrics.keys()
            assert "auc" in whole.change
            low, high = whole.intervals["auc"]
            assert low < whole.metrics["auc"] < high
            low, high = whole.change_intervals["auc"]
            assert low < whole.change["auc"] < high

    def test_draws_are_the_same_on_every_worker_and_every_time(self, tmp_path: Path) -> None:
        from taxiway.arrow.evaluator.evaluate import evaluate
        from taxiway.workers.active import working
        from taxiway.workers.processes import ProcessWorkers

        examples, models, config = prepare(confident(BOOTSTRAP), tmp_path)
        done = execute("arrow", examples, models, config, tmp_path)
        import tensorflow_model_analysis as tfma

        completed = tfma.utils.update_eval_config_with_defaults(config, has_baseline=True)
        paths = dict(zip(("candidate", "baseline"), models, strict=True))
        files = sorted(map(str, Path(examples, "Split-eval").iterdir()))
        with working(ProcessWorkers(kind="processes", count=2)):
            evaluate(
                files,
                completed,
                {name: f"{path}/Format-Serving" for name, path in paths.items()},
                str(tmp_path / "again"),
            )
        ours, again = metrics_of(done.folder), metrics_of(str(tmp_path / "again"))
        assert ours[""]
        for name, of_slice in ours.items():
            for key, metric in of_slice.items():
                assert not differences(metric, again[name][key], within=0)


class TestAnalytic:
    """Intervals by formula."""

    def test_bounded_metrics_have_intervals_and_the_rest_is_as_without(
        self, tmp_path: Path
    ) -> None:
        with_them = evaluated(confident(ANALYTIC), tmp_path / "with")
        without = evaluated(confident(""), tmp_path / "without")
        bounded = set()
        for name, of_slice in with_them.items():
            assert of_slice.keys() == without[name].keys()
            for key, metric in of_slice.items():
                assert not differences(metric.value, without[name][key].value, within=0)
                if metric.HasField("confidence_interval"):
                    assert not metric.key.is_diff
                    low = metric.confidence_interval.lower_bound.double_value.value
                    high = metric.confidence_interval.upper_bound.double_value.value
                    assert low <= metric.value.double_value.value <= high
                    bounded.add((metric.key.name, metric.key.model_name))
        names = ("auc", "recall")
        assert bounded == {(name, model) for name in names for model in ("candidate", "baseline")}

    def test_the_verdict_is_on_the_values(self, tmp_path: Path) -> None:
        verdicts = []
        for options in (ANALYTIC, ""):
            root = tmp_path / (options[:7] or "none")
            done = execute("arrow", *prepare(confident(options), root), root)
            verdicts.append(verdict_of(done.folder))
        assert verdicts[0] == verdicts[1]

    def test_weights_and_several_pairs_a_row_have_no_formula(self) -> None:
        from google.protobuf import text_format
        from tensorflow_model_analysis.proto import config_pb2

        from taxiway.arrow.evaluator.plan import plan

        for spec in (
            "example_weights { weighted: true }",
            "aggregate { micro_average: true }",
            "binarize { top_k_list { values: [2] } }",
        ):
            config = text_format.Parse(
                asked("Precision", spec=spec) + ANALYTIC, config_pb2.EvalConfig()
            )
            assert not plan(config).formulas
        config = text_format.Parse(asked("Precision") + ANALYTIC, config_pb2.EvalConfig())
        assert len(plan(config).formulas) == 1
