"""What the Evaluator is asked in tests: rows of every kind, models, and EvalConfigs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.taxiway.arrow.evaluator.evaluations import Case, Done, execute, metrics_of, prepare

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
  metrics {
    class_name: "MultiClassConfusionMatrixAtThresholds" config: '{"thresholds": [0.5, 0.3, 0.6]}'
  }
  metrics { class_name: "MultiClassConfusionMatrixPlot" config: '{"num_thresholds": 4}' }
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
  metrics { class_name: "SquaredPearsonCorrelation" }
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


def evaluated(case: Case, root: Path) -> dict[str, dict[str, Any]]:
    done = execute("arrow", *prepare(case, root), root)
    return metrics_of(done.folder)


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
