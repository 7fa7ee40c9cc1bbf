"""The benchmark's input: as many rows as asked for, every key once, one type for both sides."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from benchmarks import data
from taxiway.errors import ConfigError, DataError
from tests.conftest import REPOSITORY
from tests.example import needs_example

ROWS = 900


def small_table(rows: int = 7) -> Any:
    return pa.table(
        {
            data.KEY: [f"flight-{row}" for row in range(rows)],
            "distance": [1400.0 + row for row in range(rows)],
            "temp": [39.02 if row % 2 else None for row in range(rows)],
            "seats": [row if row else None for row in range(rows)],
        }
    )


def keys(blocks: Iterator[Any]) -> list[str]:
    return [key for block in blocks for key in block[data.KEY].to_pylist()]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data.make_input(ROWS, tmp_path_factory.mktemp("benchmarks"))


def cells(folder: Path, span: int) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.span_file(folder, span).read_text())))


class TestSizes:
    @pytest.mark.parametrize(
        ("text", "rows"), [("27k", 27_000), ("1M", 1_010_328), ("5000", 5000), ("5,000", 5000)]
    )
    def test_a_size_is_a_name_or_a_number(self, text: str, rows: int) -> None:
        assert data.parse_rows(text) == rows

    @pytest.mark.parametrize("text", ["27x", "", "299", "-5", "1e6"])
    def test_anything_else_is_refused_with_what_is_known(self, text: str) -> None:
        with pytest.raises(ConfigError, match="at least 300, or one of 27k, 336k, 1m"):
            data.parse_rows(text)

    def test_a_size_is_shown_by_its_name(self) -> None:
        assert [data.size_name(rows) for rows in (336_776, 5000)] == ["336k", "5,000"]

    @pytest.mark.parametrize("rows", [300, 301, 336_776])
    def test_a_third_is_the_eval_split(self, rows: int) -> None:
        train, evaluated = data.split_rows(rows)
        assert train + evaluated == rows
        assert evaluated == rows // 3


class TestRows:
    def test_every_row_comes_once_before_any_is_repeated(self) -> None:
        found = keys(data.rows_between(small_table(), 0, 7))
        assert sorted(found) == sorted(small_table()[data.KEY].to_pylist())

    def test_repeated_rows_have_new_keys(self) -> None:
        found = keys(data.rows_between(small_table(), 0, 20))
        assert len(found) == len(set(found)) == 20
        assert sum(key.endswith("-1") and key.count("-") == 2 for key in found) == 7

    def test_a_part_is_the_same_rows_as_in_the_whole(self) -> None:
        whole = keys(data.rows_between(small_table(), 0, 20))
        parts = [*data.rows_between(small_table(), 0, 9), *data.rows_between(small_table(), 9, 20)]
        assert keys(iter(parts)) == whole

    def test_blocks_do_not_change_the_rows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = keys(data.rows_between(small_table(), 0, 20))
        monkeypatch.setattr(data, "BLOCK_ROWS", 2)
        assert keys(data.rows_between(small_table(), 0, 20)) == whole


class TestCsv:
    def test_floats_have_a_decimal_point_integers_none_and_nothing_is_quoted(
        self, tmp_path: Path
    ) -> None:
        data.write_csv(iter([small_table(2)]), tmp_path / "a.csv")
        assert (tmp_path / "a.csv").read_text().splitlines() == [
            "flight_id,distance,temp,seats",
            "flight-0,1400.0,,",
            "flight-1,1401.0,39.02,1",
        ]

    def test_blocks_share_one_header(self, tmp_path: Path) -> None:
        data.write_csv(iter([small_table(2), small_table(3)]), tmp_path / "a.csv")
        assert (tmp_path / "a.csv").read_text().count("flight_id") == 1

    def test_a_cell_that_needs_quotes_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="'dest' holds a comma"):
            data.write_csv(iter([pa.table({"dest": ["a,b"]})]), tmp_path / "a.csv")


@needs_example
class TestInput:
    def test_both_spans_hold_the_rows_asked_for_each_key_once(self, made: Path) -> None:
        train, evaluated = cells(made, data.TRAIN_SPAN), cells(made, data.EVAL_SPAN)
        assert (len(train), len(evaluated)) == data.split_rows(ROWS)
        assert len({row[data.KEY] for row in train + evaluated}) == ROWS

    def test_it_is_made_once(self, made: Path) -> None:
        before = data.span_file(made, 1).stat().st_mtime_ns
        data.make_input(ROWS, made.parents[1])
        assert data.span_file(made, 1).stat().st_mtime_ns == before

    def test_it_is_made_again_where_it_was_not_finished(self, made: Path) -> None:
        whole = data.span_file(made, 1).read_bytes()
        (made / data.MARK).unlink()
        data.span_file(made, 1).write_text("half")
        data.make_input(ROWS, made.parents[1])
        assert data.span_file(made, 1).read_bytes() == whole

    @pytest.mark.pipeline
    @pytest.mark.parametrize("span", [data.TRAIN_SPAN, data.EVAL_SPAN])
    def test_stock_tfx_takes_the_types_of_the_curated_schema_from_it(
        self, made: Path, span: int
    ) -> None:
        from tfx_bsl.coders import csv_decoder

        from taxiway.arrow.ingest.rows.columns import read_columns

        header, *lines = data.span_file(made, span).read_text().splitlines()
        inferrer = csv_decoder.ColumnTypeInferrer(header.split(","), skip_blank_lines=True)
        found = inferrer.create_accumulator()
        for cells in csv.reader(lines):
            found = inferrer.add_input(found, [cell.encode() for cell in cells])
        types = {info.name: info.type.name for info in inferrer.extract_output(found)}
        schema = str(REPOSITORY / "models/flights/schema.pbtxt")
        wanted = {
            column.name: column.kind.replace("BYTES", "STRING")
            for column in read_columns(schema, data.KEY, "late").read
        }
        assert types == wanted
