"""Models are kept between the files of one evaluation, and no longer."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.taxiway.arrow.evaluator.cases import asked, numbers
from tests.taxiway.arrow.evaluator.evaluations import metrics_of, save_model, write_shards

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("evaluator")]
ROWS = [{"late": n % 2, "better": 0.5} for n in range(9)]


@pytest.fixture(autouse=True)
def _inline() -> Iterator[None]:
    """All in this process, as in a worker that outlives runs."""
    from taxiway.workers.active import working
    from taxiway.workers.inline import InlineWorkers

    with working(InlineWorkers(kind="inline")):
        yield


@pytest.fixture
def mean_prediction(tmp_path: Path) -> Callable[[float], float]:
    """Saves a model that answers with a constant, always at the same path, and evaluates it."""
    write_shards(ROWS, tmp_path / "examples")
    model = tmp_path / "model"

    def measure(constant: float) -> float:
        import tensorflow_model_analysis as tfma
        from google.protobuf import text_format
        from tensorflow_model_analysis.proto import config_pb2

        from taxiway.arrow.evaluator.evaluate import evaluate

        shutil.rmtree(model, ignore_errors=True)
        save_model(lambda read: {"only": read["better"] * 0 + constant}, numbers("better"), model)
        config = text_format.Parse(asked("MeanPrediction"), config_pb2.EvalConfig())
        completed = tfma.utils.update_eval_config_with_defaults(config, has_baseline=False)
        files = sorted(str(path) for path in (tmp_path / "examples").iterdir())
        folder = str(tmp_path / "evaluation")
        evaluate(files, completed, {"": str(model)}, folder)
        ((value,),) = (found.values() for found in metrics_of(folder).values())
        shutil.rmtree(folder)
        return float(value.value.double_value.value)

    return measure


def test_another_model_at_the_same_path_is_not_taken_for_the_first(
    mean_prediction: Callable[[float], float],
) -> None:
    assert [mean_prediction(constant) for constant in (1.0, 2.0)] == [1.0, 2.0]


def test_a_model_is_loaded_once_for_all_files(
    mean_prediction: Callable[[float], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    load, loaded = tf.saved_model.load, []

    def counted(path: str, **options: Any) -> Any:
        loaded.append(path)
        return load(path, **options)

    monkeypatch.setattr(tf.saved_model, "load", counted)
    mean_prediction(1.0)
    assert len(loaded) == 1
