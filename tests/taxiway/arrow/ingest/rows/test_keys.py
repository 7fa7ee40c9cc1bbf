"""Rows without a key of their own: what names them, deals them to splits, and tells twins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from taxiway.arrow.ingest import reading
from taxiway.arrow.ingest.reading import Source, read_rows
from taxiway.arrow.ingest.rows import keys
from taxiway.arrow.ingest.rows.columns import read_columns
from taxiway.arrow.ingest.rows.keys import Hashes
from tests.taxiway.arrow.ingest.conftest import Spans, lines, refused, table

EXTRA = 'feature { name: "gate" type: BYTES }'


@pytest.fixture
def data(tmp_path: Path) -> Spans:
    return Spans(tmp_path)


def hashes(data: Spans, path: Path, derive: str = "", drop: bool = False) -> Hashes:
    """Of all rows of a file."""
    columns = read_columns(str(data.schema), "", "late", derive)
    name = str(path.relative_to(data.base))
    found = [
        keys.hashes(batch.rows, columns, name, batch.numbers)
        for batch in read_rows(str(path), columns, Source(on_bad_row="drop" if drop else "fail"))
    ]
    return Hashes(*(np.concatenate([getattr(h, a) for h in found]) for a in Hashes.__annotations__))


def equal(one: Any, other: Any) -> bool:
    return bool(np.array_equal(one, other))


class TestOfARow:
    def test_it_has_one_key_however_often_and_in_whatever_batches_it_is_read(
        self, data: Spans, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = data.csv(lines(1000))
        first = hashes(data, path)
        monkeypatch.setattr(reading, "BATCH_ROWS", 7)
        again = hashes(data, path)
        assert all(equal(getattr(first, a), getattr(again, a)) for a in Hashes.__annotations__)
        assert len(set(first.name.tolist())) == len(set(first.split.tolist())) == 1000

    def test_rows_that_are_added_behind_change_none_before(self, data: Spans) -> None:
        before = hashes(data, data.csv(lines(100)))
        after = hashes(data, data.csv(lines(150)))
        assert equal(before.name, after.name[:100])

    def test_a_new_column_or_another_value_moves_no_row_to_another_split(self, data: Spans) -> None:
        before = hashes(data, data.parquet(table(50)))
        data.schema.write_text(data.schema.read_text() + EXTRA)
        gates = pa.array(["A1", None] * 25)
        changed = table(50, temp=[9.0] * 50).append_column("gate", gates)
        after = hashes(data, data.parquet(changed))
        assert equal(before.split, after.split)
        assert not set(before.name.tolist()) & set(after.name.tolist())

    def test_rows_that_are_left_out_keep_their_place(self, data: Spans) -> None:
        every = hashes(data, data.csv(lines(9)))
        gone = lines(9)
        gone[2], gone[4], gone[7] = "broken", "row-4,,Paris,4.5,4", "row-7,1,Paris,warm,7"
        left = hashes(data, data.csv([*gone[:5], "", *gone[5:]]), drop=True)
        assert equal(left.name, np.delete(every.name, [2, 4, 7]))

    def test_another_definition_of_the_label_is_another_label_of_the_same_row(
        self, data: Spans
    ) -> None:
        path = data.parquet(table(20).drop(["late"]))
        one, other = (hashes(data, path, f"seats > {limit}") for limit in (3, 10))
        assert equal(one.name, other.name)


class TestOfTwins:
    def test_equal_rows_are_twins_wherever_they_are_and_others_are_not(self, data: Spans) -> None:
        first = hashes(data, data.csv([*lines(20), *lines(20)]))
        second = hashes(data, data.csv(lines(20), span=2))
        assert equal(first.twin[:20], first.twin[20:])
        assert equal(first.twin[:20], second.twin)
        assert len(set(first.twin.tolist())) == 20
        assert not set(first.name[:20].tolist()) & {*first.name[20:].tolist(), *second.name}

    @pytest.mark.parametrize(
        "change",
        [
            {"temp": [None]},
            {"temp": [0.0]},
            {"seats": [None]},
            {"seats": [-1]},
            {"city": ["paris"]},
            {"id": [None]},
            {"late": [1]},
            {"id": ["Paris"], "city": ["row-0"]},
        ],
        ids=str,
    )
    def test_any_other_value_makes_another_row(self, data: Spans, change: dict[str, Any]) -> None:
        data.schema.write_text(data.schema.read_text().replace("min_fraction: 1.0", ""))
        base = {"seats": [0], "temp": [0.5]}
        one = hashes(data, data.parquet(table(1, **base)))
        other = hashes(data, data.parquet(table(1, **(base | change)), span=2))
        assert one.twin[0] != other.twin[0]

    def test_a_zero_is_the_same_with_either_sign(self, data: Spans) -> None:
        one = hashes(data, data.parquet(table(1, temp=[0.0])))
        other = hashes(data, data.parquet(table(1, temp=[-0.0]), span=2))
        assert one.twin[0] == other.twin[0]


def test_the_split_is_the_share_that_was_asked_for(data: Spans) -> None:
    split = hashes(data, data.parquet(table(20_000))).split
    assert np.mean(split % np.uint64(10_000) >= 8_000) == pytest.approx(0.2, abs=0.01)


@pytest.mark.pipeline
class TestThroughTheWholeOfIt:
    """With TensorFlow's writers and readers."""

    def convert(self, data: Spans, **changes: Any) -> Any:
        return data.convert(length=2, key="", **changes)

    def test_rows_are_the_same_in_any_number_of_files_and_where_later_ones_come(
        self, data: Spans
    ) -> None:
        for number in range(3):
            data.csv(lines(60, start=100 * number), name=f"{number}.csv")
        data.csv(lines(40, start=900), span=2)
        one = self.convert(data, shards=1)
        evaluated = set(data.examples("eval"))
        assert len(evaluated) + len(data.examples("train")) == 220
        several = self.convert(data, shards=3)
        assert (one.digest, one.splits) == (several.digest, several.splits)
        data.csv(lines(30, start=2000), name="later.csv")
        data.csv(lines(30, start=3000), span=2, name="later.csv")
        self.convert(data)
        later = {*range(2000, 2030), *range(3000, 3030)}
        assert {key for key in data.examples("eval") if int(key[4:]) not in later} == evaluated

    def test_a_row_lost_on_the_way_is_found_without_a_key(
        self, data: Spans, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from taxiway.arrow.ingest import writing

        for span in (1, 2):
            data.csv(lines(50, start=100 * span), span=span)
        write = writing._File.write
        monkeypatch.setattr(writing._File, "write", lambda self, rows: write(self, rows[1:]))
        assert "is not what was read" in refused(data, length=2, key="")

    def test_rows_that_are_there_twice_are_counted_and_named_where_they_are_refused(
        self, data: Spans
    ) -> None:
        first = data.csv(lines(50))
        second = data.csv([*lines(3, start=500), *lines(10, start=20)], span=2)
        assert self.convert(data).rows_duplicate == 10
        told = refused(data, length=2, key="", on_duplicate_key="fail")
        assert told.startswith("10 of 63 rows are in all columns as an earlier row is: one is in ")
        assert f"{first}, row " in told
        assert f" and in {second}, row " in told
