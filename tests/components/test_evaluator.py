"""The Evaluator's arrow engine: what it writes is what TFMA writes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from configs.errors import ConfigError, DataError, TaxiwayError
from tests.components.evaluations import (
    Case,
    Done,
    differences,
    execute,
    metrics_of,
    plots_of,
    prepare,
    verdict_of,
)

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("evaluator")]

ROWS: Final = 120
NAMES: Final = ("é", "日本", "JFK", "x y", "")


def rows() -> list[dict[str, Any]]:
    """Columns of every kind: missing, empty, several values, not ASCII, crossed, alone."""
    random = np.random.default_rng(3)
    made = []
    for i in range(ROWS):
        # some on a threshold, which is not above it, and on the edge of a bucket
        probability = (0.5, 0.75)[i % 2] if i % 9 == 2 else float(np.float32(random.random()))
        late = int(random.random() < probability * 0.7)
        name = NAMES[i % 5]
        made.append(
            {
                "late": late,
                "better": probability,
                "worse": (0.0, 1.0)[i % 2] if i % 10 == 3 else float(np.float32(random.random())),
                "weight": float(np.float32(random.random() * 3)) if i % 11 else 0.0,
                "text": None if i % 7 == 0 else [] if i % 7 == 1 else _several(i, name),
                "whole": int(random.integers(-1, 2)) if i % 5 else None,
                "part": float(np.float32(random.integers(0, 2) * 0.1)),
                "alone": "one row" if i == 4 else "the others",
                "class": "only late" if late else "only in time",
            }
        )
    return made


def _several(i: int, name: str) -> Any:
    return name if i % 3 else [name, name, "JFK"]


def column(name: str) -> Callable[[Any], dict[str, Any]]:
    """A model that answers what a column says, and something else beside it."""
    return lambda read: {"probability": read[name], "other": -read[name]}


def numbers(*names: str, size: tuple[int, ...] = ()) -> dict[str, Any]:
    import tensorflow as tf

    return {name: tf.io.FixedLenFeature(size, tf.float32) for name in names}


BINARY = """
model_specs {
  signature_name: "serving_default" label_key: "late" prediction_key: "probability"
  example_weight_key: "weight" model_type: "tf_generic"
}
slicing_specs {}
slicing_specs { feature_keys: "text" }
slicing_specs { feature_keys: ["whole", "part"] }
slicing_specs { feature_keys: ["part", "whole"] }
slicing_specs { feature_keys: "alone" }
slicing_specs { feature_keys: "class" }
slicing_specs { feature_keys: ["text", "whole", "alone"] }
slicing_specs { feature_keys: "in no row" }
metrics_specs {
  example_weights { weighted: true unweighted: true }
  metrics {
    class_name: "AUC"
    config: '{"name": "auc"}'
    per_slice_thresholds {
      slicing_specs {}
      threshold {
        value_threshold { lower_bound { value: 0.3 } }
        change_threshold { direction: HIGHER_IS_BETTER absolute { value: 0.9 } }
      }
    }
    per_slice_thresholds {
      slicing_specs { feature_keys: "text" }
      threshold { value_threshold { lower_bound { value: 0.7 } } }
    }
    per_slice_thresholds {
      slicing_specs { feature_keys: "in no row" }
      threshold { value_threshold { lower_bound { value: 0.5 } } }
    }
  }
  metrics { class_name: "AUC" config: '{"name": "coarse_auc", "num_thresholds": 200}' }
  metrics { class_name: "AUCPrecisionRecall" }
  metrics { class_name: "BinaryAccuracy" }
  metrics { class_name: "BinaryCrossEntropy" }
  metrics { class_name: "Calibration" }
  metrics { class_name: "ConfusionMatrixAtThresholds" config: '{"thresholds": [0.2, 0.5, 0.75]}' }
  metrics { class_name: "ExampleCount" }
  metrics { class_name: "F1Score" }
  metrics { class_name: "MeanLabel" }
  metrics { class_name: "MeanPrediction" }
  metrics { class_name: "MeanSquaredError" config: '{"name": "brier"}' }
  metrics { class_name: "Precision" config: '{"name": "precision", "thresholds": [0.7, 0.2]}' }
  metrics { class_name: "Recall" }
  metrics { class_name: "RecallAtPrecision" config: '{"precision": 0.5}' }
  metrics { class_name: "RootMeanSquaredError" config: '{"name": "rmse"}' }
  metrics { class_name: "WeightedExampleCount" }
}
"""

FIRST = """
model_specs { label_key: "late" }
slicing_specs {}
slicing_specs { feature_keys: "part" }
metrics_specs {
  metrics {
    class_name: "AUC"
    config: '{"name": "auc"}'
    per_slice_thresholds {
      slicing_specs { feature_keys: "part" }
      threshold {
        value_threshold { lower_bound { value: 0.3 } upper_bound { value: 0.99 } }
        change_threshold { direction: HIGHER_IS_BETTER absolute { value: 0.9 } }
      }
    }
  }
  metrics { class_name: "BinaryCrossEntropy" config: '{"label_smoothing": 0.1}' }
  metrics { class_name: "BinaryCrossEntropy" config: '{"name": "logits", "from_logits": true}' }
  metrics { class_name: "CalibrationPlot" }
  metrics { class_name: "ConfusionMatrixPlot" }
}
"""

CLASSES = """
model_specs { signature_name: "serving_default" label_key: "label" example_weight_key: "weight" }
slicing_specs {}
slicing_specs { feature_keys: "text" }
metrics_specs {
  metrics { class_name: "ExampleCount" }
  metrics { class_name: "SparseCategoricalAccuracy" config: '{"name": "accuracy"}' }
  metrics { class_name: "SparseCategoricalCrossentropy" config: '{"name": "entropy"}' }
  metrics { class_name: "Precision" config: '{"name": "precision_1", "top_k": 1}' }
  metrics { class_name: "Recall" config: '{"name": "recall_2", "top_k": 2}' }
  metrics { class_name: "AUC" config: '{"name": "auc_1", "class_id": 1}' }
}
metrics_specs {
  binarize { class_ids { values: [0, 2] } }
  example_weights { unweighted: true }
  metrics { class_name: "AUC" }
  metrics { class_name: "Calibration" }
  metrics { class_name: "BinaryCrossEntropy" }
}
metrics_specs {
  binarize { k_list { values: [1, 3] } }
  metrics { class_name: "Precision" }
}
metrics_specs {
  aggregate {
    micro_average: true
    class_weights { key: 0 value: 1 }
    class_weights { key: 3 value: 2 }
  }
  metrics { class_name: "AUC" config: '{"name": "micro_auc"}' }
  metrics { class_name: "Calibration" }
}
metrics_specs {
  aggregate { micro_average: true top_k_list { values: [2] } }
  metrics { class_name: "F1Score" }
}
metrics_specs {
  aggregate {
    macro_average: true
    class_weights { key: 1 value: 1 }
    class_weights { key: 3 value: 1 }
  }
  metrics { class_name: "Recall" }
}
"""

ONE_HOT = """
model_specs { signature_name: "serving_default" label_key: "one_hot" }
metrics_specs {
  metrics { class_name: "CategoricalAccuracy" config: '{"name": "accuracy"}' }
  metrics { class_name: "CategoricalCrossentropy" config: '{"name": "keras_entropy"}' }
  metrics { class_name: "CategoricalCrossEntropy" }
  metrics { class_name: "Precision" config: '{"name": "precision_2", "class_id": 2}' }
  metrics { class_name: "MeanSquaredError" }
}
"""

REGRESSION = """
model_specs { signature_name: "serving_default" label_key: "count" model_type: "tf_generic" }
slicing_specs {}
slicing_specs { feature_keys: "text" }
metrics_specs {
  metrics { class_name: "ExampleCount" }
  metrics { class_name: "MeanAbsoluteError" }
  metrics { class_name: "MeanAbsolutePercentageError" }
  metrics { class_name: "MeanSquaredError" }
  metrics { class_name: "MeanSquaredLogarithmicError" }
  metrics { class_name: "RootMeanSquaredError" config: '{"name": "rmse"}' }
  metrics { class_name: "MeanLabel" }
  metrics { class_name: "MeanPrediction" }
}
"""


def of_classes(config: str, baseline: bool) -> Case:
    random = np.random.default_rng(5)
    made = rows()
    for row in made:
        label = int(random.integers(0, 4))
        row["label"], row["one_hot"] = label, [float(i == label) for i in range(4)]
        for name in ("better", "worse"):
            share = random.dirichlet([1.0] * 4).astype(np.float32)
            row[name] = [float(value) for value in share]
    models = [lambda read: {"share": read["better"]}, lambda read: {"share": read["worse"]}]
    return Case(made, config, models[: 1 + baseline], numbers("better", "worse", size=(4,)))


def of_numbers() -> Case:
    random = np.random.default_rng(6)
    made = [{**row, "count": int(random.integers(0, 5))} for row in rows()]
    return Case(
        made, REGRESSION, [lambda read: {"out": read["better"][:, None] * 4}], numbers("better")
    )


CASES: Final[Mapping[str, Callable[[], Case]]] = {
    "binary, against a baseline": lambda: Case(
        rows(), BINARY, [column("better"), column("worse")], numbers("better", "worse")
    ),
    "binary, the first": lambda: Case(
        rows(), FIRST, [lambda read: {"only": read["better"]}], numbers("better")
    ),
    "class ids": lambda: of_classes(CLASSES, baseline=True),
    "one-hot": lambda: of_classes(ONE_HOT, baseline=False),
    "regression": of_numbers,
}


@dataclasses.dataclass(frozen=True)
class Both:
    """What both engines wrote for a case."""

    arrow: Done
    beam: Done


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


def evaluated(case: Case, root: Path) -> dict[str, dict[str, Any]]:
    done = execute("arrow", *prepare(case, root), root)
    return metrics_of(done.folder)


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


PLAIN = """
model_specs {{ label_key: "late" {model} }}
slicing_specs {{ {slicing} }}
metrics_specs {{ metrics {{ class_name: "{metric}" }} {spec} }}
{more}
"""


def asked(
    metric: str = "AUC", model: str = "", slicing: str = "", spec: str = "", more: str = ""
) -> str:
    return PLAIN.format(metric=metric, model=model, slicing=slicing, spec=spec, more=more)


def test_matrices_of_a_histogram_are_those_that_tfma_walks_to() -> None:
    from tensorflow_model_analysis.metrics import binary_confusion_matrices as bcm
    from tensorflow_model_analysis.metrics import calibration_histogram

    from components.evaluator.plan import matrices
    from components.evaluator.sums import CellSums
    from components.evaluator.twins import Buckets

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


class TestRefusals:
    """What this engine does not do is said before rows are read, with what does it."""

    @pytest.mark.parametrize(
        ("config", "told"),
        [
            (asked("ExactMatch"), ["TFMA's exact_match", "_ExactMatchCombiner"]),
            (asked("ScoreDistributionPlot"), ["in the usual way only"]),
            (asked("Poisson"), ["Keras' Poisson"]),
            (asked("SetMatchRecall"), ["preprocessors"]),
            (asked(model='model_type: "tf_lite"'), ["models of type tf_lite"]),
            (asked(model='prediction_keys { key: "a" value: "b" }'), ["several outputs"]),
            (asked(slicing='feature_values { key: "text" value: "JFK" }'), ["slices by value"]),
            (asked(spec='query_key: "text"'), ["query_key text"]),
            (asked(spec='output_names: "a"'), ["several outputs"]),
            (asked(more="cross_slicing_specs { baseline_spec {} }"), ["cross_slicing_specs"]),
            (asked(more="options { min_slice_size { value: 9 } }"), ["min_slice_size"]),
            (
                asked(more="options { compute_confidence_intervals { value: true } }"),
                ["jackknife", "Poisson bootstrap"],
            ),
        ],
    )
    def test_config(self, config: str, told: list[str]) -> None:
        import tensorflow_model_analysis as tfma
        from google.protobuf import text_format
        from tensorflow_model_analysis.proto import config_pb2

        from components.evaluator.plan import plan

        parsed = text_format.Parse(config, config_pb2.EvalConfig())
        completed = tfma.utils.update_eval_config_with_defaults(parsed, has_baseline=False)
        with pytest.raises(ConfigError) as refused:
            plan(completed)
        for text in ("the arrow engine cannot compute", *told, "use engine: beam for the Eval"):
            assert text in refused.value.message
        assert refused.value.edit == "engine.components: {Evaluator: beam}"

    def test_options_that_tfma_does_not_take_are_told_as_such(self) -> None:
        from google.protobuf import text_format
        from tensorflow_model_analysis.proto import config_pb2

        from components.evaluator.plan import plan

        config = asked("ConfusionMatrixAtThresholds")
        with pytest.raises(ConfigError, match=r"TFMA refuses the metrics.*thresholds"):
            plan(text_format.Parse(config, config_pb2.EvalConfig()))

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"late": None}, "1 of 39 rows have not 1 value(s) in column 'late'"),
            ({"late": [0, 1]}, "38 of 39 rows have not 2 value(s) in column 'late'"),
            ({"late": 2}, "a label is 2; metrics of a binary classifier need labels within [0, 1]"),
            ({"better": float("nan")}, "model 'candidate' answers NaN for 1 of 39 rows"),
            ({"text": b"\xff"}, "column 'text' has the value b'\\xff', which is not UTF-8"),
        ],
        ids=["no label", "two labels", "a label of 2", "NaN", "not UTF-8"],
    )
    def test_rows(self, change: dict[str, Any], told: str, tmp_path: Path) -> None:
        bad = rows()
        bad[85].update(change)  # in the third file, of 39 rows
        config = asked(slicing='feature_keys: "text"')
        case = Case(bad, config, [lambda read: read["better"]], numbers("better"))
        with pytest.raises(DataError) as refused:
            evaluated(case, tmp_path)
        assert told in refused.value.message

    def test_a_label_that_no_row_has(self, tmp_path: Path) -> None:
        case = Case(
            [{"better": 0.5}] * 9, asked(), [lambda read: read["better"]], numbers("better")
        )
        with pytest.raises(DataError, match=r"6 of 6 rows have not 1 value"):
            evaluated(case, tmp_path)

    @pytest.mark.parametrize(
        ("model", "answer", "told"),
        [
            ('signature_name: "other"', lambda read: read["better"], "no signature 'other'"),
            ('prediction_key: "b"', lambda read: {"a": read["late"], "c": read["late"]}, "a, c"),
            ("", lambda read: read["better"][:, None, None], "has the shape [80, 1, 1]"),
            ('example_weight_key: "alone"', lambda read: read["better"], "'alone' has strings"),
        ],
        ids=["signature", "prediction key", "shape", "strings as weights"],
    )
    def test_models(self, model: str, answer: Any, told: str, tmp_path: Path) -> None:
        import tensorflow as tf

        inputs = {**numbers("better"), "late": tf.io.FixedLenFeature([], tf.int64)}
        with pytest.raises(ConfigError) as refused:
            evaluated(Case(rows(), asked(model=model), [answer], inputs), tmp_path)
        assert told in refused.value.message

    def test_nothing_to_evaluate(self, tmp_path: Path) -> None:
        from components.evaluator.evaluate import evaluate

        with pytest.raises(DataError, match="no files"):
            evaluate([], None, {}, str(tmp_path))


class TestKnownMetrics:
    """What a config may name, and what the engine can do."""

    def test_every_class_that_preflight_lets_through_has_a_plan(self) -> None:
        from google.protobuf import text_format
        from tensorflow_model_analysis.proto import config_pb2

        from components.evaluation.metrics import ARROW_CLASSES
        from components.evaluator.plan import plan

        needed = {
            "ConfusionMatrixAtThresholds": {"thresholds": [0.5]},
            "PrecisionAtRecall": {"recall": 0.5},
            "RecallAtFalsePositiveRate": {"false_positive_rate": 0.5},
            "RecallAtPrecision": {"precision": 0.5},
            "SensitivityAtSpecificity": {"specificity": 0.5},
            "SpecificityAtSensitivity": {"sensitivity": 0.5},
            "ThresholdAtRecall": {"recall": 0.5},
        }
        for name in sorted(ARROW_CLASSES):
            config = text_format.Parse(asked(name), config_pb2.EvalConfig())
            options = {"name": "measured", **needed.get(name, {})}
            config.metrics_specs[0].metrics[0].config = json.dumps(options)
            assert plan(config).twins, name

    def test_every_other_class_is_refused(self) -> None:
        from google.protobuf import text_format
        from tensorflow_model_analysis.metrics import metric_types
        from tensorflow_model_analysis.proto import config_pb2

        from components.evaluation.metrics import ARROW_CLASSES
        from components.evaluator.plan import plan

        for name in sorted(metric_types.registered_metrics().keys() - ARROW_CLASSES):
            with pytest.raises((TaxiwayError, TypeError, ValueError)):
                plan(text_format.Parse(asked(name), config_pb2.EvalConfig()))


CONFIDENT = """
model_specs { label_key: "late" prediction_key: "probability" signature_name: "serving_default" }
slicing_specs {}
slicing_specs { feature_keys: "alone" }
metrics_specs {
  metrics {
    class_name: "AUC"
    config: '{"name": "auc", "num_thresholds": 200}'
    threshold {
      value_threshold { lower_bound { value: 0.1 } }
      change_threshold { direction: HIGHER_IS_BETTER absolute { value: -0.5 } }
    }
  }
  metrics { class_name: "Precision" config: '{"name": "precisions", "thresholds": [0.2, 0.4]}' }
  metrics { class_name: "Recall" }
  metrics { class_name: "ExampleCount" }
}
"""
BOOTSTRAP = """
options {
  compute_confidence_intervals { value: true }
  confidence_intervals { method: POISSON_BOOTSTRAP }
}
"""
ANALYTIC = "options { confidence_intervals {} }"


def confident(options: str) -> Case:
    models = [column("better"), column("worse")]
    return Case(rows(), CONFIDENT + options, models, numbers("better", "worse"))


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
        from components.evaluation.results import read_metrics

        for done in (resampled.arrow, resampled.beam):
            whole = read_metrics(done.folder)[0]
            assert {"auc", "recall", "example_count"} <= whole.metrics.keys()
            assert "auc" in whole.change

    def test_draws_are_the_same_on_every_worker_and_every_time(self, tmp_path: Path) -> None:
        from components.evaluator.evaluate import evaluate
        from configs.engines import ProcessWorkers
        from workers.active import working

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

        from components.evaluator.plan import plan

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
