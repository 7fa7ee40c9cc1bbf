"""Reading transformed rows, and holding some of them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.errors import DataError

pytestmark = pytest.mark.pipeline


def rows_of(labels: Sequence[int]) -> Any:
    """Rows whose one column is their own number."""
    from models.dataset import Rows

    return Rows({"row": np.arange(len(labels)).reshape(-1, 1)}, np.array(labels, np.int64))


def numbers(rows: Any) -> list[int]:
    return [int(number) for number in rows.columns["row"].reshape(-1)]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Sequence[dict[str, list[float]]]], str]:
    """Writes one gzipped TFRecord file; gives its name."""
    import tensorflow as tf

    def make(name: str, rows: Sequence[dict[str, list[float]]]) -> str:
        path = str(tmp_path / name)
        with tf.io.TFRecordWriter(path, options="GZIP") as writer:
            for row in rows:
                example = tf.train.Example()
                for column, values in row.items():
                    feature = example.features.feature[column]
                    if column == "y":
                        feature.int64_list.value.extend(int(value) for value in values)
                    else:
                        feature.float_list.value.extend(values)
                writer.write(example.SerializeToString())
        return path

    return make


def feature_spec() -> dict[str, Any]:
    import tensorflow as tf

    return {
        "a": tf.io.FixedLenFeature([], tf.float32),
        "wide": tf.io.FixedLenFeature([2], tf.float32),
        "y": tf.io.FixedLenFeature([], tf.int64),
    }


def test_the_rows_of_all_files_are_read_in_order_as_columns_with_a_width(
    write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from models import dataset

    monkeypatch.setattr(dataset, "PARSE_BATCH", 2)  # the last batch is a part of one
    write("rows-2", [{"a": [9], "wide": [9, 90], "y": [1]}])
    first = write("rows-1", [{"a": [n], "wide": [n, 10 * n], "y": [n % 2]} for n in range(3)])
    pattern = first.replace("rows-1", "rows-*")
    rows = dataset.read_rows([pattern], feature_spec(), "y")
    assert len(rows) == 4
    assert rows.labels.tolist() == [0, 1, 0, 1]
    assert rows.columns["a"].tolist() == [[0], [1], [2], [9]]
    assert rows.columns["wide"].tolist() == [[0, 0], [1, 10], [2, 20], [9, 90]]
    assert set(rows.columns) == {"a", "wide"}


def test_no_rows_are_an_error_whether_no_file_is_there_or_an_empty_one(
    write: Callable[..., str], tmp_path: Path
) -> None:
    from models.dataset import read_rows

    for pattern in (write("rows", []), str(tmp_path / "absent-*")):
        with pytest.raises(DataError, match=r"no rows in \['.*'\]") as caught:
            read_rows([pattern], feature_spec(), "y")
        assert caught.value.edit == "data.spans"


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_other_than_0_or_1_is_an_error(write: Callable[..., str], label: int) -> None:
    from models.dataset import read_rows

    file = write("rows", [{"a": [0], "wide": [0, 0], "y": [y]} for y in (0, label, 1)])
    found = rf"label 'y' must be 0 or 1, found \[{', '.join(map(str, sorted({0, 1, label})))}\]"
    with pytest.raises(DataError, match=found):
        read_rows([file], feature_spec(), "y")


@settings(deadline=None)
@given(
    labels=st.lists(st.sampled_from([0, 0, 0, 1]), min_size=30, max_size=300).filter(
        lambda labels: sum(labels) >= 5
    ),
    fraction=st.floats(0.05, 0.5),
    seed=st.integers(0, 2**32 - 1),
)
def test_each_row_is_either_learned_from_or_watched_alike_in_each_class(
    labels: list[int], fraction: float, seed: int
) -> None:
    from models.dataset import hold_out

    learn, watch = hold_out(rows_of(labels), fraction, seed)
    assert sorted(numbers(learn) + numbers(watch)) == list(range(len(labels)))
    for part in (learn, watch):
        assert part.labels.tolist() == [labels[number] for number in numbers(part)]
    for value in (0, 1):
        count = labels.count(value)
        assert (watch.labels == value).sum() == max(1, round(count * fraction))


def test_the_seed_alone_decides_which_rows_are_held_out() -> None:
    from models.dataset import hold_out

    rows = rows_of([0, 0, 1] * 100)
    first, again, other = (hold_out(rows, 0.1, seed)[1] for seed in (1, 1, 2))
    assert numbers(first) == numbers(again)
    assert numbers(first) != numbers(other)


def test_the_rows_held_out_are_not_simply_the_first_or_last() -> None:
    from models.dataset import hold_out

    watched = numbers(hold_out(rows_of([0, 1] * 500), 0.1, 0)[1])
    assert len(watched) == 100
    assert np.mean(watched) == pytest.approx(500, abs=100)


def test_a_class_of_one_row_is_watched_and_learned_from() -> None:
    from models.dataset import hold_out

    learn, watch = hold_out(rows_of([0] * 10 + [1]), 0.1, 0)
    assert numbers(learn) == list(range(11))
    assert 10 in numbers(watch)


@pytest.mark.parametrize(("labels", "absent"), [([0, 0], 1), ([1, 1], 0), ([], 0)])
def test_a_train_split_of_one_class_or_none_is_an_error(labels: list[int], absent: int) -> None:
    from models.dataset import hold_out

    with pytest.raises(DataError, match=f"the train split has no row with label {absent}"):
        hold_out(rows_of(labels), 0.1, 0)
