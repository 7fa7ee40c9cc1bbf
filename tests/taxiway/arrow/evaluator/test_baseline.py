"""A baseline that cannot be used counts as none in both engines, and it is said why."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from taxiway.errors import TaxiwayError
from tests.taxiway.arrow.evaluator.cases import column, numbers
from tests.taxiway.arrow.evaluator.evaluations import (
    Done,
    execute,
    metrics_of,
    save_model,
    verdict_of,
    write_shards,
)

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("evaluator")]

CONFIG = """
model_specs {
  signature_name: "serving_default" label_key: "late" prediction_key: "probability"
  model_type: "tf_generic"
}
metrics_specs {
  metrics {
    class_name: "AUC"
    config: '{"name": "auc"}'
    per_slice_thresholds {
      slicing_specs {}
      threshold {
        value_threshold { lower_bound { value: 0.3 } }
        change_threshold { direction: HIGHER_IS_BETTER absolute { value: 0.0 } }
      }
    }
  }
  metrics { class_name: "ExampleCount" }
}
"""
ROWS = [
    {
        "late": row % 2,
        "better": row / 60.0,
        "minute": float(row),
        "whole": row,
        **({"part": 1.0} if row else {}),
    }
    for row in range(60)
]
"""Schema and types of today; `minute` was an int before, and every row had a `part`."""


def whole(name: str) -> dict[str, Any]:
    import tensorflow as tf

    return {name: tf.io.FixedLenFeature((), tf.int64)}


def answers_float(name: str) -> Callable[[Any], dict[str, Any]]:
    import tensorflow as tf

    return lambda read: {"probability": tf.cast(read[name], tf.float32)}


def other_type(folder: Path) -> None:
    save_model(answers_float("minute"), whole("minute"), folder)


def column_of_before(folder: Path) -> None:
    save_model(column("dropped"), numbers("dropped"), folder)


def column_that_a_row_lacks(folder: Path) -> None:
    save_model(column("part"), numbers("part"), folder)


def other_answers(folder: Path) -> None:
    save_model(lambda read: {"a": read["better"], "b": read["better"]}, numbers("better"), folder)


def graph_is_cut(folder: Path) -> None:
    save_model(column("better"), numbers("better"), folder)
    (folder / "saved_model.pb").write_bytes((folder / "saved_model.pb").read_bytes()[:100])


def graph_is_gone(folder: Path) -> None:
    save_model(column("better"), numbers("better"), folder)
    (folder / "saved_model.pb").unlink()


def all_is_gone(folder: Path) -> None:
    shutil.rmtree(folder.parent)


def writes_as_it_is_loaded(folder: Path) -> None:
    import tensorflow as tf

    from tests.taxiway.modeling.exported.hostile import save_that_loads

    save_that_loads(folder, lambda _: tf.io.write_file(str(folder.parent.parent / WRITTEN), "x"))


WRITTEN = "written by the baseline"
FAULTS: Mapping[Callable[[Path], None], str] = {
    other_type: (
        "Key: minute, Index: 0.  Data types don't match. Data type: float but expected type: int64"
    ),
    column_of_before: "Feature: dropped (data type: float) is required but could not be found.",
    column_that_a_row_lacks: "Feature: part (data type: float) is required but could not be found.",
    other_answers: "the model answers a, b, expected probability among them",
    graph_is_cut: "",
    graph_is_gone: "is no SavedModel: saved_model.pb cannot be read: No such file or directory",
    all_is_gone: "Format-Serving is gone",
    writes_as_it_is_loaded: "Format-Serving has the operation WriteFile (in function ",
}


@dataclass(frozen=True)
class Case:
    """Examples, a candidate that is well, and what an evaluation of it alone says."""

    root: Path
    alone: Done

    def evaluate(self, engine: str, out: Path, candidate: str = "candidate", **how: Any) -> Done:
        models = [str(self.root / candidate), str(out / "baseline")]
        return execute(engine, str(self.root / "examples"), models, parsed(), out, **how)


def parsed() -> Any:
    from google.protobuf import text_format
    from tensorflow_model_analysis.proto import config_pb2

    return text_format.Parse(CONFIG, config_pb2.EvalConfig())


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    root = tmp_path_factory.mktemp("baseline")
    write_shards(ROWS, root / "examples" / "Split-eval")
    save_model(column("better"), numbers("better"), root / "candidate" / "Format-Serving")
    save_model(column("none"), numbers("none"), root / "unwell" / "Format-Serving")
    examples, candidate = str(root / "examples"), str(root / "candidate")
    return Case(root, execute("arrow", examples, [candidate], parsed(), root / "alone"))


def make(baseline: Callable[[Path], None], out: Path) -> Path:
    folder = out / "baseline" / "Format-Serving"
    folder.parent.mkdir(parents=True)
    baseline(folder)
    return folder


@pytest.mark.parametrize(
    ("engine", "fault"),
    [
        *(pytest.param("arrow", fault, id=f"arrow: {fault.__name__}") for fault in FAULTS),
        *(
            pytest.param("beam", fault, id=f"beam: {fault.__name__}")
            for fault in (other_type, all_is_gone, writes_as_it_is_loaded)
        ),
    ],
)
def test_the_evaluation_is_as_without_one_and_says_why(
    case: Case, tmp_path: Path, engine: str, fault: Callable[[Path], None]
) -> None:
    make(fault, tmp_path)
    done = case.evaluate(engine, tmp_path)
    assert FAULTS[fault] in done.unusable_baseline
    assert 0 < len(done.unusable_baseline) <= 300
    assert "\n" not in done.unusable_baseline
    ours, alone = metrics_of(done.folder), metrics_of(case.alone.folder)
    assert {name: sorted(metrics) for name, metrics in ours.items()} == {
        name: sorted(metrics) for name, metrics in alone.items()
    }
    assert verdict_of(done.folder) == verdict_of(case.alone.folder)
    assert (done.blessing, done.properties) == (case.alone.blessing, case.alone.properties)
    assert done.properties["blessed"] == 1
    assert not (tmp_path / WRITTEN).exists()


def test_one_that_is_well_is_compared_with(case: Case, tmp_path: Path) -> None:
    make(lambda folder: save_model(column("better"), numbers("better"), folder), tmp_path)
    done = case.evaluate("arrow", tmp_path)
    assert done.unusable_baseline == ""
    assert done.properties["baseline_model_id"] == 3


def test_one_that_has_lost_a_file_is_not_asked_at_all(case: Case, tmp_path: Path) -> None:
    """It would answer, as where weights are gone that its graph does not miss."""
    folder = make(lambda path: save_model(column("better"), numbers("better"), path), tmp_path)
    from taxiway.process.inventory import Inventory

    before = Inventory(str(folder.parent)).files
    (folder / "assets.extra").mkdir()
    (folder / "assets.extra" / "more").touch()
    done = case.evaluate("arrow", tmp_path, baseline_files=before)
    now = Inventory(str(folder.parent)).files
    assert done.unusable_baseline == f"{folder.parent} has {now}, and had {before}"
    assert "baseline_model_id" not in done.properties


@pytest.mark.parametrize("engine", ["arrow", "beam"])
def test_where_one_is_required_the_evaluation_fails(
    case: Case, tmp_path: Path, engine: str
) -> None:
    folder = make(all_is_gone, tmp_path)
    with pytest.raises(TaxiwayError) as refused:
        case.evaluate(engine, tmp_path, strict=True)
    assert refused.value.message == (
        f"the baseline {folder.parent} cannot be used: {folder} is gone"
    )
    assert refused.value.edit == "evaluation.baseline: when_usable, or put the model back"


def test_a_candidate_that_fails_is_not_excused_by_its_baseline(case: Case, tmp_path: Path) -> None:
    make(lambda folder: save_model(column("better"), numbers("better"), folder), tmp_path / "well")
    make(other_type, tmp_path / "unwell")
    for baseline in ("well", "unwell"):
        with pytest.raises(Exception, match="Feature: none"):
            case.evaluate("arrow", tmp_path / baseline, candidate="unwell")
