"""Which metrics, models and rows the Evaluator's arrow engine knows, and how it refuses others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from taxiway.errors import ConfigError, DataError, TaxiwayError
from tests.taxiway.arrow.evaluator.cases import asked, evaluated, numbers, rows
from tests.taxiway.arrow.evaluator.evaluations import Case

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("evaluator")]


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

        from taxiway.arrow.evaluator.plan import plan

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

        from taxiway.arrow.evaluator.plan import plan

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

    def test_a_split_without_files(self, tmp_path: Path) -> None:
        """Else a model would be judged on the other splits alone."""
        from tfx.components.util import examples_utils
        from tfx.proto import example_gen_pb2
        from tfx.types import artifact_utils, standard_artifacts

        from taxiway.arrow.evaluator.executor import _files

        made = standard_artifacts.Examples()
        made.uri = str(tmp_path)
        made.split_names = artifact_utils.encode_split_names(["eval", "holdout"])
        examples_utils.set_payload_format(made, example_gen_pb2.FORMAT_TF_EXAMPLE)
        for name in ("eval", "holdout"):
            (tmp_path / f"Split-{name}").mkdir()
        (tmp_path / "Split-eval" / "one.gz").touch()
        assert _files([made], ["eval"]) == [f"{tmp_path}/Split-eval/one.gz"]
        with pytest.raises(DataError, match=r"no examples in .*Split-holdout"):
            _files([made], ["eval", "holdout"])

    def test_nothing_to_evaluate(self, tmp_path: Path) -> None:
        from taxiway.arrow.evaluator.evaluate import evaluate

        with pytest.raises(DataError, match="no files"):
            evaluate([], None, {}, str(tmp_path))


class TestKnownMetrics:
    """What a config may name, and what the engine can do."""

    def test_every_class_that_preflight_lets_through_has_a_plan(self) -> None:
        from google.protobuf import text_format
        from tensorflow_model_analysis.proto import config_pb2

        from taxiway.arrow.evaluator.plan import plan
        from taxiway.evaluation.metrics import ARROW_CLASSES, MODULES

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
            config.metrics_specs[0].metrics[0].module = MODULES.get(name, "")
            assert plan(config).combiners, name

    def test_every_other_class_is_refused(self) -> None:
        from google.protobuf import text_format
        from tensorflow_model_analysis.metrics import metric_types
        from tensorflow_model_analysis.proto import config_pb2

        from taxiway.arrow.evaluator.plan import plan
        from taxiway.evaluation.metrics import ARROW_CLASSES

        for name in sorted(metric_types.registered_metrics().keys() - ARROW_CLASSES):
            with pytest.raises((TaxiwayError, TypeError, ValueError)):
                plan(text_format.Parse(asked(name), config_pb2.EvalConfig()))
