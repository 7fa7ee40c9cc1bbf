"""What a config asks for, computed by both engines: metrics without a value, parts of answers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.config.evaluation import Evaluation
from taxiway.evaluation.ranking import Ranking
from taxiway.modeling.spec import FeatureSpec, MultiClass, Numeric
from tests.taxiway.arrow.evaluator.cases import numbers
from tests.taxiway.arrow.evaluator.evaluations import Case, execute, prepare
from tests.taxiway.evaluation.asked import SPEC

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("evaluation")]

ENGINES = ("arrow", "beam")
GROUPS = {  # labels and answers of each group of rows
    "both": ((0, 0.2), (1, 0.4), (0, 0.6), (1, 0.8)),
    "only in time": ((0, 0.2), (0, 0.9)),
    "only late": ((1, 0.3), (1, 0.7)),
    "none predicted": ((0, 0.1), (1, 0.2)),
}
BINARY = Evaluation.model_validate(
    {
        "metrics": [
            *("auc", "auc_precision_recall", "precision", "recall", "specificity"),
            *("calibration", "binary_accuracy", "example_count"),
            {"name": "at_recall", "tfma_class": "PrecisionAtRecall", "options": {"recall": 0.5}},
        ],
        "slices": [["group"]],
        "thresholds": [
            {"metric": "auc", "lower": 0.1, "slices": [[], ["group"]]},
            {"metric": "precision", "lower": 0.1, "slices": [["group"]]},
            {"metric": "binary_accuracy", "lower": 0.6},
        ],
    }
)
CLASSES = Evaluation.model_validate(
    {
        "metrics": [
            "example_count",
            {"name": "auc_1", "kind": "auc", "class_id": 1},
            {"name": "recall_0", "kind": "recall", "class_id": 0, "thresholds": [0.4]},
            {"name": "found", "kind": "recall", "top_k": 2},
            {
                "name": "own",
                "tfma_class": "Precision",
                "options": {"class_id": 2},
                "better": "higher",
            },
        ],
        "slices": [["group"]],
        "thresholds": [
            {"metric": "auc_1", "lower": 0.2, "change": {"worst_absolute": 1.0}},
            {"metric": "auc_1", "lower": 0.2, "slices": [["group"]]},
            {"metric": "recall_0", "lower": 0.0},
            {"metric": "found", "lower": 0.1},
            {"metric": "own", "upper": 1.0},
        ],
    }
)


def binary() -> Case:
    rows = [
        {"late": label, "answer": answer, "group": name}
        for name, pairs in GROUPS.items()
        for label, answer in pairs * 3
    ]
    return Case(rows, asked(BINARY), [lambda read: read["answer"]], numbers("answer"))


def classes() -> Case:
    """In group b no row is of class 1."""
    import tensorflow as tf

    random = np.random.default_rng(2)
    rows = [
        {
            "late": int(random.integers(0, 3)) if group == "a" else 2 * int(random.integers(0, 2)),
            "answer": [float(share) for share in random.dirichlet([1.0] * 3).astype(np.float32)],
            "group": group,
        }
        for group in "a" * 40 + "b" * 20
    ]
    models = [lambda read: read["answer"], lambda read: read["answer"][:, ::-1]]
    inputs = {**numbers("answer", size=(3,)), "late": tf.io.FixedLenFeature((), tf.int64)}
    spec = FeatureSpec(MultiClass("late"), "id", (Numeric("temp"),), slices=("group",))
    return Case(rows, asked(CLASSES, spec), models, inputs, lambda read: {"late": read["late"]})


def asked(evaluation: Evaluation, spec: FeatureSpec = SPEC) -> str:
    from google.protobuf import text_format

    from taxiway.evaluation.eval_config import eval_config

    return str(text_format.MessageToString(eval_config(evaluation, spec)))


@dataclasses.dataclass(frozen=True)
class Read:
    """Our reading of what an engine wrote."""

    slices: dict[str, Any]
    reasons: list[str]


@pytest.fixture(scope="module")
def read(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from taxiway.evaluation.results import blessing_reasons, read_metrics

    case, engine = request.param
    root: Path = tmp_path_factory.mktemp("asked")
    done = execute(engine, *prepare(case(), root), root)
    slices = {item.name: item for item in read_metrics(done.folder)}
    return Read(slices, sorted(blessing_reasons(done.folder)))


def of(case: Any) -> pytest.MarkDecorator:
    pairs = [(case, engine) for engine in ENGINES]
    return pytest.mark.parametrize("read", pairs, ids=ENGINES, indirect=True)


@of(binary)
class TestWithoutAValue:
    """TFMA writes 0 for the AUC of rows that are all of one class, and NaN for others."""

    def test_a_metric_has_a_value_or_a_reason_why_not(self, read: Read) -> None:
        no_positive, no_negative = "no row has a positive label", "no row has a negative label"
        uncounted = "no row counts towards it"
        assert {name: item.undefined for name, item in read.slices.items()} == {
            "overall": {},
            "group=both": {},
            "group=only in time": {
                "auc": no_positive,
                "auc_precision_recall": no_positive,
                "at_recall": no_positive,
                "calibration": uncounted,
                "recall": uncounted,
            },
            "group=only late": {"auc": no_negative, "specificity": uncounted},
            "group=none predicted": {"precision": uncounted},
        }
        every = {metric.name for metric in BINARY.metrics or ()}
        for item in read.slices.values():
            assert item.shown().keys() == every
            assert not item.metrics.keys() & item.undefined.keys()

    def test_what_has_a_value_keeps_it(self, read: Read) -> None:
        assert read.slices["group=both"].metrics["auc"] == pytest.approx(0.75, abs=1e-3)
        assert read.slices["group=only late"].metrics["precision"] == 1.0
        assert read.slices["group=only in time"].metrics["precision"] == 0.0

    def test_no_slice_is_ranked_by_what_it_does_not_have(self, read: Read) -> None:
        from taxiway.evaluation.results import worst_slices

        found = worst_slices(list(read.slices.values()), Ranking("auc", True, 1), 9)
        assert [item.name for item in found] == ["group=both", "group=none predicted"]

    def test_a_bound_on_it_is_not_met_and_says_why(self, read: Read) -> None:
        assert read.reasons == [
            "auc on group=only in time has no value: no row has a positive label, "
            "must be at least 0.1",
            "auc on group=only late has no value: no row has a negative label, "
            "must be at least 0.1",
            "binary_accuracy on overall is 0.5000, must be at least 0.6",
            "precision on group=none predicted has no value: no row counts towards it, "
            "must be at least 0.1",
            "precision on group=only in time is 0.0000, must be at least 0.1",
        ]


@of(classes)
class TestPartsOfTheAnswer:
    """A metric of one class, or of the highest few."""

    def test_its_thresholds_find_it(self, read: Read) -> None:
        assert read.reasons == [
            "auc_1 on group=b has no value: no row has a positive label, must be at least 0.2"
        ]

    def test_it_is_reported_under_its_name(self, read: Read) -> None:
        every = {metric.name for metric in CLASSES.metrics or ()}
        assert read.slices["overall"].metrics.keys() == every
        assert read.slices["overall"].change.keys() >= {"auc_1", "recall_0", "found", "own"}
        assert read.slices["group=b"].undefined == {"auc_1": "no row has a positive label"}
