"""Reading transformed rows, and holding some of them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxiway.errors import DataError
from tests.taxiway.modeling.conftest import joined, numbers, stored, weighted, zero_or_one

pytestmark = pytest.mark.pipeline


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
    from taxiway.modeling.training import dataset

    monkeypatch.setattr(dataset, "PARSE_BATCH", 2)  # the last block is a part of one
    write("rows-2.gz", [{"a": [9], "wide": [9, 90], "y": [1]}])
    first = write("rows-1.gz", [{"a": [n], "wide": [n, 10 * n], "y": [n % 2]} for n in range(3)])
    files = dataset.find_files([first.replace("rows-1.gz", "*")])
    blocks = list(dataset.read_rows(files, feature_spec(), zero_or_one()))
    assert [len(block) for block in blocks] == [2, 2]
    rows = joined(blocks)
    assert rows.labels.tolist() == [0, 1, 0, 1]
    assert rows.columns["a"].tolist() == [[0], [1], [2], [9]]
    assert rows.columns["wide"].tolist() == [[0, 0], [1, 10], [2, 20], [9, 90]]
    assert set(rows.columns) == {"a", "wide"}


def test_a_graph_may_transform_what_is_read_and_files_need_not_be_compressed(
    write: Callable[..., str], tmp_path: Path
) -> None:
    import tensorflow as tf

    from taxiway.modeling.training.dataset import read_rows

    packed = write("rows.gz", [{"a": [n], "wide": [n, n], "y": [1]} for n in range(3)])
    plain = tmp_path / "rows"
    with tf.io.TFRecordWriter(str(plain)) as writer:
        for record in tf.data.TFRecordDataset(packed, compression_type="GZIP"):
            writer.write(record.numpy())

    def twice(columns: Any) -> Any:
        return {"b": columns["a"] * 2, "y": columns["y"]}

    for file in (packed, str(plain)):
        rows = joined(read_rows([file], feature_spec(), zero_or_one(), twice))
        assert rows.columns["b"].tolist() == [[0], [2], [4]]
        assert set(rows.columns) == {"b"}


def test_no_rows_are_an_error_whether_no_file_is_there_or_an_empty_one(
    write: Callable[..., str], tmp_path: Path
) -> None:
    from taxiway.modeling.training.dataset import find_files, read_rows

    for pattern in (write("rows.gz", []), str(tmp_path / "absent-*")):
        with pytest.raises(DataError, match=r"no rows in \[.*\]") as caught:
            list(read_rows(find_files([pattern]), feature_spec(), zero_or_one()))
        assert caught.value.edit == "data.spans"


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_other_than_0_or_1_is_an_error(write: Callable[..., str], label: int) -> None:
    from taxiway.modeling.training.dataset import read_rows

    file = write("rows.gz", [{"a": [0], "wide": [0, 0], "y": [y]} for y in (0, label, 1)])
    with pytest.raises(DataError) as refused:
        list(read_rows([file], feature_spec(), zero_or_one()))
    assert refused.value.message == f"label 'y' must be 0 or 1, found {label}"


def test_a_label_of_many_values_is_told_with_a_few_and_their_number(
    write: Callable[..., str],
) -> None:
    from taxiway.modeling.training.dataset import read_rows

    file = write("rows.gz", [{"a": [0], "wide": [0, 0], "y": [y]} for y in range(3000)])
    with pytest.raises(DataError) as refused:
        list(read_rows([file], feature_spec(), zero_or_one()))
    assert refused.value.message == (
        "label 'y' must be 0 or 1, found 2, 3, 4, 5, 6, and 2,993 other values"
    )
    assert refused.value.edit == ("the data of column 'y', or task in the model's features.py")


@settings(deadline=None)
@given(
    labels=st.lists(st.sampled_from([0, 0, 0, 1]), min_size=30, max_size=300).filter(
        lambda labels: sum(labels) >= 5
    ),
    fraction=st.floats(0.05, 0.5),
    seed=st.integers(0, 2**32 - 1),
    buckets=st.integers(1, 4),
    block=st.integers(1, 300),
)
def test_each_row_is_either_learned_from_or_watched_alike_in_each_class(
    labels: list[int], fraction: float, seed: int, buckets: int, block: int
) -> None:
    with stored(labels, fraction, seed, buckets, block=block) as rows:
        learn, watch = list(rows.epoch(0)), list(rows.watched())
    assert sorted(numbers(learn) + numbers(watch)) == list(range(len(labels)))
    for part in (learn, watch):
        found = [int(label) for rows in part for label in rows.labels]
        assert found == [labels[number] for number in numbers(part)]
    for value in (0, 1):
        count = labels.count(value)
        held = sum(int((rows.labels == value).sum()) for rows in watch)
        assert held == max(1, round(count * fraction))
        assert rows.learned.rows[value] == count - held


def test_the_seed_decides_which_rows_are_held_out_and_the_order_of_the_others() -> None:
    def both(seed: int) -> tuple[list[int], list[int]]:
        with stored([0, 0, 1] * 100, 0.1, seed, 3) as rows:
            return numbers(rows.watched()), numbers(rows.epoch(0))

    first, again, other = (both(seed) for seed in (1, 1, 2))
    assert first == again
    assert first[0] != other[0]
    assert first[1] != other[1]


def test_the_rows_held_out_are_not_simply_the_first_or_last() -> None:
    with stored([0, 1] * 500, 0.1, 0) as rows:
        watched = numbers(rows.watched())
    assert len(watched) == 100
    assert np.mean(watched) == pytest.approx(500, abs=100)


def test_every_epoch_has_all_rows_in_another_order_from_all_of_the_data() -> None:
    with stored([0, 1] * 2000, 0.1, 0, 4, block=500) as rows:
        first, second = (numbers(rows.epoch(number)) for number in (0, 1))
    assert sorted(first) == sorted(second)
    assert first != second
    for order in (first, second):  # any stretch of an epoch is a sample of the whole
        for start in range(0, 3000, 500):
            assert np.mean(order[start : start + 500]) == pytest.approx(2000, abs=250)


def test_batches_hold_every_row_once_with_the_weight_of_its_class() -> None:
    with stored([0, 0, 1] * 70, 0.1, 0, 3) as rows:
        batches = list(rows.batches(16, weighted(2.5)).as_numpy_iterator())
        assert [len(labels) for _, labels, _ in batches] == [16] * 11 + [13]
        assert sorted(int(n) for columns, _, _ in batches for n in columns["row"].flat) == sorted(
            numbers(rows.epoch(0))
        )
        for columns, labels, weights in batches:
            assert columns["row"].shape == (len(labels), 1)
            assert weights.tolist() == np.where(labels == 1, 2.5, 1.0).tolist()
            assert labels.tolist() == [int(n % 3 == 2) for n in columns["row"].reshape(-1)]
        again = next(iter(rows.batches(16, weighted(1.0)).as_numpy_iterator()))[0]["row"]
        assert again.tolist() == batches[0][0]["row"].tolist()


def test_a_data_set_is_reshuffled_each_time_it_is_read() -> None:
    with stored([0, 1] * 50, 0.1, 0) as rows:
        batches = rows.batches(8, weighted(1.0))
        first, second = (
            [int(n) for columns, *_ in batches.as_numpy_iterator() for n in columns["row"].flat]
            for _ in range(2)
        )
    assert sorted(first) == sorted(second)
    assert first != second


def test_a_class_of_one_row_is_watched_and_learned_from() -> None:
    with stored([0] * 10 + [1], 0.1, 0) as rows:
        assert 10 in numbers(rows.epoch(0))
        assert 10 in numbers(rows.watched())
        assert rows.learned.rows == (9, 1)


@pytest.mark.parametrize(("labels", "absent"), [([0, 0], 1), ([1, 1], 0), ([], 0)])
def test_a_train_split_of_one_class_or_none_is_an_error(labels: list[int], absent: int) -> None:
    with (
        pytest.raises(DataError, match=f"the train split has no row with label {absent}"),
        stored(labels, 0.1, 0),
    ):
        pass
