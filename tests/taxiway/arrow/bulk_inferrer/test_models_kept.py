"""A model is kept between the files of one job, and no longer."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("bulk_inferrer")]


def test_another_model_at_the_same_path_is_not_taken_for_the_first(
    examples: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where artifacts are numbered from 1 again, and a Dask worker has outlived that."""
    import tensorflow as tf

    from taxiway.arrow.bulk_inferrer.infer import Target, Work, infer_all
    from taxiway.arrow.bulk_inferrer.model import Signature

    load, loaded = tf.saved_model.load, []

    def counted(path: str, **options: Any) -> Any:
        loaded.append(path)
        return load(path, **options)

    monkeypatch.setattr(tf.saved_model, "load", counted)
    files = sorted(Path(examples.uri, "Split-train").iterdir())
    targets = {str(file): Target(f"{tmp_path}/out/{n}.parquet") for n, file in enumerate(files)}
    work = Work(Signature(str(tmp_path / "model")))
    for constant in (1.0, 2.0):
        save_constant(tmp_path / "model", constant)
        infer_all(work, targets)
        answers = ds.dataset(str(tmp_path / "out"), format="parquet").to_table()["only"]
        assert answers.unique().to_pylist() == [constant]
    assert len(loaded) == 2, "once for all files of a job"


def save_constant(folder: Path, constant: float) -> None:
    """A model that answers every example with the same number."""
    import tensorflow as tf

    shutil.rmtree(folder, ignore_errors=True)
    module = tf.Module()
    module.serve = tf.function(
        lambda examples: {"only": tf.fill([tf.size(examples)], constant)},
        input_signature=[tf.TensorSpec([None], tf.string, name="examples")],
    )
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
