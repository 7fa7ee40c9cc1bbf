"""Where rows are kept while a model learns from them, and in files of which size."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.errors import DataError
from tests.taxiway.modeling.conftest import numbers, rows_of, stored, zero_or_one

pytestmark = pytest.mark.pipeline
ROW_BYTES = 16
"""Of a packed row of `rows_of`: a number and a label."""


def test_more_bytes_make_more_buckets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from taxiway.modeling.training import buckets

    monkeypatch.setattr(buckets, "BUCKET_BYTES", 10)
    file = tmp_path / "examples"
    for size, count in ((0, 1), (10, 1), (11, 2), (10**6, buckets.MAX_BUCKETS)):
        file.write_bytes(b"x" * size)
        assert buckets.bucket_count([str(file)]) == count


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many rows the largest bucket may have."""
    from taxiway.modeling.training import buckets

    monkeypatch.setattr(buckets, "LARGEST_BYTES", 100 * ROW_BYTES)
    return 100


@pytest.mark.parametrize("most", [2, 256], ids=["again and again", "at once"])
def test_rows_that_are_wider_on_disk_than_in_their_files_still_make_small_buckets(
    small: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from taxiway.modeling.training import buckets

    monkeypatch.setattr(buckets, "MAX_BUCKETS", most)
    with stored([0, 1] * 2000, 0.1, 0, 3, block=500) as rows:
        sizes = [path.stat().st_size // ROW_BYTES for path in rows.learn]
        assert max(sizes) <= small
        assert len(sizes) < 3 * sum(sizes) / small, "nor are they much smaller than they may be"
        assert set(rows.watch.parent.iterdir()) == {rows.watch, *rows.learn}
        assert sorted(numbers(rows.epoch(0)) + numbers(rows.watched())) == list(range(4000))


def test_buckets_that_were_split_are_samples_of_the_whole_in_an_order_of_the_seed(
    small: int,
) -> None:
    def epoch(seed: int) -> list[int]:
        with stored([0, 1] * 2000, 0.1, seed, 3, block=500) as rows:
            return numbers(rows.epoch(0))

    first, again, other = (epoch(seed) for seed in (1, 1, 2))
    assert first == again != other
    for start in range(0, 3000, 500):
        assert np.mean(first[start : start + 500]) == pytest.approx(2000, abs=250)


def test_a_bucket_of_one_row_is_small_enough_however_wide_the_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from taxiway.modeling.training import buckets

    monkeypatch.setattr(buckets, "LARGEST_BYTES", 1)
    with stored([0, 0, 1, 1] * 3, 0.1, 0) as rows:
        assert {path.stat().st_size for path in rows.learn} <= {0, ROW_BYTES}
        assert len(numbers(rows.epoch(0))) == 10


def test_buckets_that_are_small_enough_stay_as_they_are() -> None:
    with stored([0, 1] * 2000, 0.1, 0, 3) as rows:
        assert [path.name for path in rows.learn] == ["bucket-0", "bucket-1", "bucket-2"]


@pytest.mark.parametrize("count", [10, 10_000], ids=["when it is closed", "in the middle"])
@pytest.mark.parametrize("full", ["bucket-1", "watched"])
def test_a_full_disk_is_told_with_its_place(tmp_path: Path, full: str, count: int) -> None:
    from taxiway.modeling.training.dataset import store_rows

    (tmp_path / full).symlink_to("/dev/full")
    with pytest.raises(DataError, match="No space left on device") as told:
        store_rows([rows_of([0, 1] * count)], zero_or_one(), tmp_path, 0.5, 0, 2)
    assert str(tmp_path) in told.value.message
    assert str(tmp_path) in told.value.edit
    assert "output.root" in told.value.edit


def test_an_output_that_cannot_be_written_to_is_told_with_its_place(tmp_path: Path) -> None:
    from taxiway.modeling.training.buckets import row_folder

    (tmp_path / "file").touch()
    with (
        pytest.raises(DataError, match="Not a directory") as told,
        row_folder(str(tmp_path / "file/model_run")),
    ):
        pass
    assert f"{tmp_path}/file/model_run" in told.value.edit


def test_an_error_that_is_not_of_the_disk_stays_what_it_is(tmp_path: Path) -> None:
    from taxiway.modeling.training.dataset import store_rows

    def broken() -> Iterator[Any]:
        yield rows_of([0, 1] * 10)
        raise FileNotFoundError("the examples")

    (tmp_path / "watched").symlink_to("/dev/full")  # and the first error is the one that is told
    with pytest.raises(FileNotFoundError, match="the examples"):
        store_rows(broken(), zero_or_one(), tmp_path, 0.1, 0)


def test_rows_of_an_output_in_a_bucket_are_in_the_temporary_folder() -> None:
    from taxiway.modeling.training.buckets import row_folder

    with row_folder("gs://bucket/Trainer/model_run/1") as folder:
        assert folder.parent == Path(tempfile.gettempdir())
    assert not folder.exists()
    assert not Path("gs:").exists()


def test_a_model_whose_output_is_in_a_bucket_is_trained_and_has_its_curves_there() -> None:
    import tensorflow as tf

    from taxiway.modeling.training.trainer import train
    from tests.taxiway.modeling.training.test_trainer import ONE_NUMBER, settings
    from tests.taxiway.modeling.training.test_trainer import rows_of as rows_of_numbers

    output = "ram://bucket/model_run/1"  # a file system of TensorFlow's, as gs:// is
    rows = rows_of_numbers(np.arange(40), np.array([0, 1] * 20))
    train(ONE_NUMBER, zero_or_one(), settings(epochs=1), [rows], output)
    assert tf.io.gfile.exists(f"{output}/train")
    assert tf.io.gfile.exists(f"{output}/confusion_matrix")
    assert not Path("ram:").exists()


@pytest.mark.parametrize("labels", [[0, 1] * 20, [0] * 20], ids=["trained", "failed"])
def test_rows_are_within_the_output_as_long_as_a_model_learns_from_them(
    tmp_path: Path, labels: list[int]
) -> None:
    from taxiway.modeling.training.trainer import train
    from tests.taxiway.modeling.training.test_trainer import ONE_NUMBER, settings
    from tests.taxiway.modeling.training.test_trainer import rows_of as rows_of_numbers

    output = tmp_path / "model_run"
    while_reading: list[Path] = []

    def blocks() -> Iterator[Any]:
        rows = rows_of_numbers(np.arange(len(labels)), np.array(labels))
        yield rows
        while_reading.extend(output.rglob("bucket-*"))
        yield rows

    try:
        train(ONE_NUMBER, zero_or_one(), settings(epochs=1), blocks(), output)
    except DataError:
        assert 1 not in labels
    assert len(while_reading) == 1
    assert not any(path.name.startswith((".taxiway-rows", "bucket")) for path in output.rglob("*"))
