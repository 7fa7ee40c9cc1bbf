"""The push: whole or not at all, each model once, always a higher version."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from taxiway import push as push_module
from taxiway.errors import TaxiwayError
from taxiway.push import (
    BucketPush,
    FilesystemPush,
    Push,
    Pushed,
    folder_digest,
    parse,
    push_to_folder,
)


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
    pushed = push_to_folder(model, tmp_path / "serving", clock=lambda: 1700000000.5)
    assert pushed == tmp_path / "serving" / "1700000000"
    assert folder_digest(pushed) == folder_digest(model)


def test_the_same_model_is_pushed_once(model: Path, tmp_path: Path) -> None:
    first = push_to_folder(model, tmp_path / "serving", clock=lambda: 100)
    assert push_to_folder(model, tmp_path / "serving", clock=lambda: 200) == first
    assert names(tmp_path / "serving") == ["100"]


def test_a_later_push_is_a_higher_version_even_when_the_clock_is_behind(
    model: Path, tmp_path: Path
) -> None:
    push_to_folder(model, tmp_path / "serving", clock=lambda: 100)
    (model / "saved_model.pb").write_bytes(b"another graph")
    assert push_to_folder(model, tmp_path / "serving", clock=lambda: 50).name == "101"


def test_a_copy_that_fails_in_the_middle_leaves_no_version(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        target.mkdir()
        shutil.copy(source / "saved_model.pb", target)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(push_module.shutil, "copytree", full)
    with pytest.raises(TaxiwayError, match="No space left") as told:
        push_to_folder(model, tmp_path / "serving")
    assert told.value.edit == "push.destination"
    assert names(tmp_path / "serving") == []


def test_a_destination_that_is_a_file_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "serving").write_text("not a folder")
    with pytest.raises(TaxiwayError, match=r"cannot push the model to .*serving: File exists"):
        push_to_folder(model, tmp_path / "serving")


def test_what_a_killed_push_left_behind_is_cleared_and_never_a_version(
    model: Path, tmp_path: Path
) -> None:
    stale = tmp_path / "serving" / f".push-{os.getpid()}"
    stale.mkdir(parents=True)
    (stale / "half").write_text("half a model")
    pushed = push_to_folder(model, tmp_path / "serving")
    assert names(tmp_path / "serving") == [pushed.name]


@pytest.mark.pipeline
def test_a_model_in_a_bucket_says_of_which_run_it_is(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorFlow's own file system in memory stands for a bucket."""
    import tensorflow as tf
    from tfx.dsl.components.base.base_executor import BaseExecutor
    from tfx.types import standard_artifacts

    from components.pusher.executor import PUSH_KEY, RUN_ID_PROPERTY, Executor

    exported = standard_artifacts.Model()
    exported.uri = str(tmp_path / "exported")
    shutil.copytree(model, tmp_path / "exported" / "Format-Serving")
    pushed = standard_artifacts.PushedModel()
    pushed.uri = str(tmp_path / "pushed")
    context = BaseExecutor.Context(
        tmp_dir=str(tmp_path), unique_id="1", pipeline_run_id="run-of-today"
    )
    bucket = BucketPush(kind="bucket", destination="gs://bucket/serving")
    monkeypatch.setattr(
        push_module, "push_by_gfile", partial(_in_memory, push_module.push_by_gfile)
    )
    Executor(context).Do(
        {"model": [exported]},
        {"pushed_model": [pushed]},
        {"custom_config": json.dumps({PUSH_KEY: bucket.model_dump_json()})},
    )
    (version,) = tf.io.gfile.listdir("ram://bucket/serving")
    assert tf.io.gfile.exists(f"ram://bucket/serving/{version}/saved_model.pb")
    assert pushed.get_string_custom_property(RUN_ID_PROPERTY) == "run-of-today"


def _in_memory(push: Callable[[str, str], Pushed], model: str, destination: str) -> Pushed:
    return push(model, destination.replace("gs://", "ram://"))


@pytest.mark.pipeline
def test_a_bucket_has_the_model_whole_before_its_graph_and_each_push_a_higher_version(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    copied: list[str] = []
    copy = tf.io.gfile.copy

    def watched(source: str, target: str) -> None:
        copied.append(target)
        copy(source, target)

    monkeypatch.setattr(tf.io.gfile, "copy", watched)
    first = push_module.push_by_gfile(str(model), "ram://bucket/twice", clock=lambda: 100)
    second = push_module.push_by_gfile(str(model), "ram://bucket/twice", clock=lambda: 50)
    assert (first.version, second.version) == ("100", "101")
    assert [path.rpartition("/")[2] for path in copied] == ["variables.index", "saved_model.pb"] * 2
    with tf.io.gfile.GFile(f"{second.place}/variables/variables.index", "rb") as file:
        assert file.read() == b"weights"


EXAMPLES: tuple[Push, ...] = (
    FilesystemPush(kind="filesystem", destination="/serving"),
    BucketPush(kind="bucket", destination="gs://bucket/serving"),
)


@pytest.mark.parametrize("config", EXAMPLES, ids=lambda config: str(config.kind))
def test_a_section_survives_the_way_to_the_component(config: Any) -> None:
    assert parse(config.model_dump_json()) == config


def test_every_kind_of_the_section_is_tested_here() -> None:
    kinds = TypeAdapter(Push).json_schema()["discriminator"]["mapping"]
    assert set(kinds) == {config.kind for config in EXAMPLES}


@pytest.mark.parametrize(
    ("kind", "destination", "message"),
    [
        (FilesystemPush, "s3://bucket/serving", "kind 'filesystem' pushes to folders"),
        (FilesystemPush, "gs://bucket/serving", "or set kind: bucket for gs://"),
        (BucketPush, "s3://bucket/serving", "is no bucket that TensorFlow opens by itself"),
        (BucketPush, "/serving", "is no bucket that TensorFlow opens by itself"),
    ],
)
def test_a_destination_that_its_kind_cannot_write_is_refused_with_the_config(
    kind: Any, destination: str, message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        kind(kind=kind.model_fields["kind"].annotation.__args__[0], destination=destination)
