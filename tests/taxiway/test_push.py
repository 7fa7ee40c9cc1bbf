"""The push: whole or not at all, and what was asked for last is the highest version."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from taxiway.errors import TaxiwayError
from taxiway.process.manifest import MANIFEST_FILE, manifest_text
from taxiway.push import Push, parse
from taxiway.push import bucket as bucket_module
from taxiway.push import folder as folder_module
from taxiway.push.bucket import BucketPush
from taxiway.push.destination import Pushed
from taxiway.push.folder import FilesystemPush, folder_digest, push_to_folder
from taxiway.registry.section import SqliteRegistry


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


def test_a_model_of_before_is_pushed_again_above_those_that_came_since(
    model: Path, tmp_path: Path
) -> None:
    """A server takes the highest version, so that one has to be what was asked for last."""
    other = tmp_path / "other"
    shutil.copytree(model, other)
    (other / "saved_model.pb").write_bytes(b"another graph")
    pushed = [
        push_to_folder(asked, tmp_path / "serving", clock=lambda: 100)
        for asked in (model, other, model, model)
    ]
    assert [path.name for path in pushed] == ["100", "101", "102", "102"]
    assert folder_digest(tmp_path / "serving" / "102") == folder_digest(model)


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

    monkeypatch.setattr(folder_module.shutil, "copytree", full)
    with pytest.raises(TaxiwayError, match="No space left") as told:
        push_to_folder(model, tmp_path / "serving")
    assert told.value.edit == "push.destination"
    assert names(tmp_path / "serving") == []


def test_a_push_that_is_not_confirmed_leaves_no_version(model: Path, tmp_path: Path) -> None:
    def lease_lost() -> None:
        assert len(names(tmp_path / "serving")) == 1  # the copy, and no version
        raise TaxiwayError("another has taken over")

    with pytest.raises(TaxiwayError, match="another has taken over"):
        push_to_folder(model, tmp_path / "serving", confirm=lease_lost)
    assert names(tmp_path / "serving") == []


def test_a_destination_that_is_a_file_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "serving").write_text("not a folder")
    with pytest.raises(TaxiwayError, match=r"cannot push the model to .*serving: File exists"):
        push_to_folder(model, tmp_path / "serving")


def dead_process() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


HERE = socket.gethostname()
DAY = 24 * 3600.0


@pytest.mark.parametrize(
    ("name", "age", "stays"),
    [
        pytest.param(".push-{here}-{dead}", 0, False, id="a dead process"),
        pytest.param(".push-{dead}", 0, False, id="a dead process of an older release"),
        pytest.param(".push-{here}-{own}", 0, False, id="a process that had this one's id"),
        pytest.param(".push-{own}", 0, False, id="one of an older release"),
        pytest.param(".push-{here}-{alive}", 2 * DAY, True, id="a living process"),
        pytest.param(".push-{alive}", 2 * DAY, True, id="a living process of an older release"),
        pytest.param(".push-pod-a-{dead}", DAY / 2, True, id="another machine's, of late"),
        pytest.param(".push-pod-a-{dead}", 2 * DAY, False, id="another machine's, long ago"),
        pytest.param(".push-by-hand", DAY / 2, True, id="no process, of late"),
        pytest.param("1700000000", 2 * DAY, True, id="a version"),
        pytest.param("notes", 2 * DAY, True, id="anything else"),
    ],
)
def test_what_a_killed_push_left_behind_is_cleared_if_it_is_surely_dead(
    model: Path, tmp_path: Path, name: str, age: float, stays: bool
) -> None:
    left = (
        tmp_path
        / "serving"
        / name.format(here=HERE, dead=dead_process(), own=os.getpid(), alive=os.getppid())
    )
    left.mkdir(parents=True)
    (left / "half").write_text("half a model")
    for path in (left / "half", left):
        os.utime(path, (time.time() - age,) * 2)
    pushed = push_to_folder(model, tmp_path / "serving")
    assert names(tmp_path / "serving") == sorted([pushed.name, *([left.name] if stays else [])])


class TestLost:
    """What an unchanged run asks of a model that was pushed before."""

    @pytest.fixture
    def pushed(self, model: Path, tmp_path: Path) -> Pushed:
        named = {
            path.relative_to(model).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in model.rglob("*")
            if path.is_file()
        }
        (model / MANIFEST_FILE).write_text(manifest_text(named))
        return self.kind(tmp_path).push(str(model))

    @staticmethod
    def kind(root: Path) -> FilesystemPush:
        return FilesystemPush(kind="filesystem", destination=str(root / "serving"))

    def test_nothing_where_all_is_as_it_was_pushed(self, pushed: Pushed, tmp_path: Path) -> None:
        assert self.kind(tmp_path).lost(pushed.place) == ""

    @pytest.mark.parametrize(
        ("file", "content", "told"),
        [
            ("saved_model.pb", None, "{place}: 'saved_model.pb' is missing (manifest: {manifest})"),
            (
                "variables/variables.index",
                b"\0" * 7,
                "{place}: 'variables/variables.index' has changed (manifest: {manifest})",
            ),
            ("more", b"", "{place}: 'more' is not in the manifest (manifest: {manifest})"),
            (
                MANIFEST_FILE,
                b"0" * 64 + b"  saved_model.pb\n",
                "{place}: 'saved_model.pb' has changed (manifest: {manifest})",
            ),
            (
                MANIFEST_FILE,
                None,
                "{manifest} cannot be read: [Errno 2] No such file or directory: '{manifest}'",
            ),
        ],
    )
    def test_a_file_that_is_gone_or_changed_and_the_next_push_is_whole(
        self,
        pushed: Pushed,
        model: Path,
        tmp_path: Path,
        file: str,
        content: bytes | None,
        told: str,
    ) -> None:
        path = Path(pushed.place, file)
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        manifest = f"{pushed.place}/{MANIFEST_FILE}"
        assert self.kind(tmp_path).lost(pushed.place) == told.format(
            place=pushed.place, manifest=manifest
        )
        again = self.kind(tmp_path).push(str(model))
        assert int(again.version) > int(pushed.version)
        assert folder_digest(Path(again.place)) == folder_digest(model)

    def test_a_higher_version_of_another_model(self, pushed: Pushed, tmp_path: Path) -> None:
        higher = tmp_path / "serving" / "9999999999"
        higher.mkdir()
        told = f"a server takes {higher}, and {pushed.place} was pushed last"
        assert self.kind(tmp_path).lost(pushed.place) == told

    def test_all_of_it(self, pushed: Pushed, tmp_path: Path) -> None:
        shutil.rmtree(tmp_path / "serving")
        told = f"a server takes nothing, and {pushed.place} was pushed last"
        assert self.kind(tmp_path).lost(pushed.place) == told

    @pytest.mark.pipeline
    def test_in_a_bucket(self, pushed: Pushed, model: Path) -> None:
        import tensorflow as tf

        del pushed  # it has written the manifest
        destination = "ram://bucket/lost"
        first = bucket_module.push_by_gfile(str(model), destination, clock=lambda: 100)
        assert bucket_module.push_by_gfile(str(model), destination, clock=lambda: 200) == first
        assert bucket_module.lost_by_gfile(destination, first.place) == ""
        tf.io.gfile.remove(f"{first.place}/variables/variables.index")
        assert (
            bucket_module.lost_by_gfile(destination, first.place) == f"{first.place} is not whole"
        )
        again = bucket_module.push_by_gfile(str(model), destination, clock=lambda: 200)
        assert again.version == "200"
        assert bucket_module.lost_by_gfile(destination, first.place) == (
            f"a server takes {again.place}, and {first.place} was pushed last"
        )


def test_a_copy_that_is_not_as_the_manifest_says_is_no_version(model: Path, tmp_path: Path) -> None:
    (model / MANIFEST_FILE).write_text(manifest_text({"saved_model.pb": "0" * 64}))
    with pytest.raises(TaxiwayError, match=r"'saved_model.pb' has changed|is not in the manifest"):
        push_to_folder(model, tmp_path / "serving")
    assert names(tmp_path / "serving") == []


@pytest.mark.pipeline
def test_a_model_in_a_bucket_says_of_which_run_it_is(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorFlow's own file system in memory stands for a bucket."""
    import tensorflow as tf
    from tfx.dsl.components.base.base_executor import BaseExecutor
    from tfx.types import standard_artifacts

    from components.pusher.executor import RUN_ID_PROPERTY, Executor, push_config

    exported = standard_artifacts.Model()
    exported.uri = str(tmp_path / "exported")
    shutil.copytree(model, tmp_path / "exported" / "Format-Serving")
    pushed = standard_artifacts.PushedModel()
    pushed.uri = str(tmp_path / "pushed")
    context = BaseExecutor.Context(
        tmp_dir=str(tmp_path), unique_id="1", pipeline_run_id="run-of-today"
    )
    bucket = BucketPush(kind="bucket", destination="gs://bucket/serving")
    registry = SqliteRegistry(kind="sqlite", path=str(tmp_path / "registry.sqlite"))
    monkeypatch.setattr(
        bucket_module, "push_by_gfile", partial(_in_memory, bucket_module.push_by_gfile)
    )
    Executor(context).Do(
        {"model": [exported]},
        {"pushed_model": [pushed]},
        {"custom_config": json.dumps(push_config(bucket, registry, "parcels"))},
    )
    (version,) = tf.io.gfile.listdir("ram://bucket/serving")
    assert tf.io.gfile.exists(f"ram://bucket/serving/{version}/saved_model.pb")
    assert pushed.get_string_custom_property(RUN_ID_PROPERTY) == "run-of-today"


def _in_memory(push: Callable[..., Pushed], model: str, destination: str, **options: Any) -> Pushed:
    return push(model, destination.replace("gs://", "ram://"), **options)


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
    first = bucket_module.push_by_gfile(str(model), "ram://bucket/twice", clock=lambda: 100)
    second = bucket_module.push_by_gfile(str(model), "ram://bucket/twice", clock=lambda: 50)
    assert (first.version, second.version) == ("100", "101")
    assert [path.rpartition("/")[2] for path in copied] == ["variables.index", "saved_model.pb"] * 2
    with tf.io.gfile.GFile(f"{second.place}/variables/variables.index", "rb") as file:
        assert file.read() == b"weights"


@pytest.mark.pipeline
def test_a_push_to_a_bucket_that_is_not_confirmed_has_no_graph(model: Path) -> None:
    import tensorflow as tf

    def lease_lost() -> None:
        raise TaxiwayError("another has taken over")

    with pytest.raises(TaxiwayError, match="another has taken over"):
        bucket_module.push_by_gfile(
            str(model), "ram://bucket/lease", clock=lambda: 100, confirm=lease_lost
        )
    assert not tf.io.gfile.exists("ram://bucket/lease/100/saved_model.pb")


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
