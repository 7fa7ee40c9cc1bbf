"""The push: whole or not at all, each model once, always a higher version."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from components.pusher import logic
from components.pusher.logic import folder_digest, push
from taxiway.errors import TaxiwayError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "variables.index").write_bytes(b"weights")
    return folder


def test_the_version_is_the_time_of_the_push(model: Path, tmp_path: Path) -> None:
    pushed = push(model, tmp_path / "serving", clock=lambda: 1700000000.5)
    assert pushed == tmp_path / "serving" / "1700000000"
    assert folder_digest(pushed) == folder_digest(model)


def test_the_same_model_is_pushed_once(model: Path, tmp_path: Path) -> None:
    first = push(model, tmp_path / "serving", clock=lambda: 100)
    assert push(model, tmp_path / "serving", clock=lambda: 200) == first
    assert names(tmp_path / "serving") == ["100"]


def test_a_later_push_is_a_higher_version_even_when_the_clock_is_behind(
    model: Path, tmp_path: Path
) -> None:
    push(model, tmp_path / "serving", clock=lambda: 100)
    (model / "saved_model.pb").write_bytes(b"another graph")
    assert push(model, tmp_path / "serving", clock=lambda: 50).name == "101"


def test_a_copy_that_fails_in_the_middle_leaves_no_version(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        target.mkdir()
        shutil.copy(source / "saved_model.pb", target)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(logic.shutil, "copytree", full)
    with pytest.raises(TaxiwayError, match="No space left") as told:
        push(model, tmp_path / "serving")
    assert told.value.edit == "push.destination"
    assert names(tmp_path / "serving") == []


def test_a_destination_that_is_a_file_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "serving").write_text("not a folder")
    with pytest.raises(TaxiwayError, match=r"cannot push the model to .*serving: File exists"):
        push(model, tmp_path / "serving")


def test_what_a_killed_push_left_behind_is_cleared_and_never_a_version(
    model: Path, tmp_path: Path
) -> None:
    stale = tmp_path / "serving" / f".push-{os.getpid()}"
    stale.mkdir(parents=True)
    (stale / "half").write_text("half a model")
    pushed = push(model, tmp_path / "serving")
    assert names(tmp_path / "serving") == [pushed.name]


@pytest.mark.pipeline
def test_a_model_in_a_bucket_says_of_which_run_it_is(model: Path, tmp_path: Path) -> None:
    """TensorFlow's own file system in memory stands for a bucket."""
    import tensorflow as tf
    from tfx.dsl.components.base.base_executor import BaseExecutor
    from tfx.types import standard_artifacts

    from components.pusher.executor import Executor

    exported = standard_artifacts.Model()
    exported.uri = str(tmp_path / "exported")
    shutil.copytree(model, tmp_path / "exported" / "Format-Serving")
    pushed = standard_artifacts.PushedModel()
    pushed.uri = str(tmp_path / "pushed")
    context = BaseExecutor.Context(
        tmp_dir=str(tmp_path), unique_id="1", pipeline_run_id="run-of-today"
    )
    bucket = "ram://bucket/serving"
    Executor(context).Do(
        {"model": [exported]},
        {"pushed_model": [pushed]},
        {"push_destination": json.dumps({"filesystem": {"base_directory": bucket}})},
    )
    (version,) = tf.io.gfile.listdir(bucket)
    assert tf.io.gfile.exists(f"{bucket}/{version}/saved_model.pb")
    assert pushed.get_string_custom_property(logic.RUN_ID_PROPERTY) == "run-of-today"
