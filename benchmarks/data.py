"""Makes the input of a benchmark: as many flights as asked for, as CSV files both sides read."""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from taxiway.config.loader import load_config
from taxiway.errors import EXIT_OK, ConfigError, DataError

SIZES: Final = {"27k": 27_000, "336k": 336_776, "1m": 1_010_328, "3.4m": 3_367_760}
"""Names of sizes: a month, the year, three years and ten years of flights."""
OVERLAY: Final = Path(__file__).with_name("bench.yaml")
ROOT: Final = Path("var/benchmarks")
KEY: Final = "flight_id"
TRAIN_SPAN, EVAL_SPAN = 1, 2
FEWEST_ROWS: Final = 300
"""Fewer would leave some airline out of one of the two splits."""
SEED: Final = 2013
BLOCK_ROWS: Final = 1 << 17
MARK: Final = "made.json"


def parse_rows(text: str) -> int:
    """Reads a size: a name of SIZES in any case, or a number such as 5000 or 5_000.

    Raises:
      ConfigError: it is neither, or too small to hold both classes in both splits.
    """
    named = SIZES.get(text.lower())
    if named is not None:
        return named
    known = f"a number of at least {FEWEST_ROWS}, or one of {', '.join(SIZES)}"
    try:
        rows = int(text.replace(",", "_"))
    except ValueError:
        raise ConfigError(f"got '{text}', expected {known}", edit="--rows") from None
    if rows < FEWEST_ROWS:
        raise ConfigError(f"got {rows}, expected {known}", edit="--rows")
    return rows


def rows_option(text: str) -> int:
    """`parse_rows` for argparse, which ends with the message and exit code 2."""
    try:
        return parse_rows(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(error.message) from None


def size_name(rows: int) -> str:
    """The name of a size, or the number itself."""
    return next((name for name, count in SIZES.items() if count == rows), f"{rows:,}")


def split_rows(rows: int) -> tuple[int, int]:
    """Rows of the train and of the eval split: two thirds and the rest."""
    return rows - rows // 3, rows // 3


def input_folder(root: Path, rows: int) -> Path:
    """Where the input of a size lies."""
    return root / "input" / f"rows-{rows}"


def span_file(folder: Path, span: int) -> Path:
    """The one file of a span."""
    return folder / f"span-{span}" / "flights.csv"


def make_input(rows: int, root: Path) -> Path:
    """Writes both spans, or finds that they are there already.

    The flights are in an order of their own, the same every time, so that each size is a sample of
    the whole year and both splits look alike. Beyond their number they repeat, in another order,
    under new keys. CsvExampleGen takes the type of a column from its cells, so what the schema
    calls FLOAT is written with a decimal point even where it is whole; and its header is split at
    commas as it stands, so nothing is quoted.

    Returns:
      The folder: `span-1/flights.csv` is the train split, `span-2/flights.csv` the eval split.

    Raises:
      DataError: the flights cannot be read, or the files not be written.
    """
    folder = input_folder(root, rows)
    mark = {"rows": rows, "code": hashlib.sha256(Path(__file__).read_bytes()).hexdigest()}
    if (folder / MARK).is_file() and json.loads((folder / MARK).read_text()) == mark:
        return folder
    flights = _flights(root)
    train, _ = split_rows(rows)
    try:
        if folder.exists():
            shutil.rmtree(folder)
        for span, first, end in ((TRAIN_SPAN, 0, train), (EVAL_SPAN, train, rows)):
            span_file(folder, span).parent.mkdir(parents=True)
            write_csv(rows_between(flights, first, end), span_file(folder, span))
        (folder / MARK).write_text(json.dumps(mark))
    except OSError as error:
        raise DataError(
            f"the input of {rows:,} rows cannot be written to {folder}: {error.strerror}",
            edit="--root, or the disk",
        ) from error
    return folder


def rows_between(flights: Any, first: int, end: int) -> Iterator[Any]:
    """Rows `first` to `end` (not included) of an endless table made of `flights`, in blocks."""
    count = flights.num_rows
    while first < end:
        copy, start = divmod(first, count)
        stop = min(end - copy * count, count, start + BLOCK_ROWS)
        order = np.random.default_rng(SEED + copy).permutation(count)[start:stop]
        block = flights.take(pa.array(order)).combine_chunks()
        yield _with_new_keys(block, copy) if copy else block
        first += stop - start


def write_csv(blocks: Iterator[Any], path: Path) -> None:
    """Writes blocks of one table, header first, floats with a decimal point and nothing quoted.

    Raises:
      DataError: a cell would have to be quoted.
    """
    with path.open("wb") as file:
        for number, block in enumerate(blocks):
            if not number:
                file.write((",".join(block.column_names) + "\n").encode())
            cells = [_text(block[name], name) for name in block.column_names]
            lines = pc.binary_join_element_wise(*cells, ",")
            file.write(("\n".join(lines.to_pylist()) + "\n").encode())


def _flights(root: Path) -> Any:
    """All flights with a label, exported as `taxiway data` does."""
    options = [f"output.root={root}", f"data.root={root}/flights", "data.format=parquet"]
    config = load_config([OVERLAY], options)
    # By name, since a fork may have removed the example; the config then says so.
    report = importlib.import_module(f"{config.model.module}.export").export(config)
    files = (f"{report.root}/span-{span}/flights.parquet" for span in sorted(report.rows))
    return pa.concat_tables([pq.read_table(file) for file in files]).combine_chunks()


def _with_new_keys(block: Any, copy: int) -> Any:
    keys = pc.binary_join_element_wise(block[KEY], pa.scalar(str(copy)), "-")
    return block.set_column(block.column_names.index(KEY), KEY, keys)


def _text(column: Any, name: str) -> Any:
    """Cells as text, a missing one as none."""
    text = column.cast(pa.string())
    if pa.types.is_floating(column.type):
        whole = pc.invert(pc.match_substring_regex(text, r"[.e]"))
        text = pc.if_else(whole, pc.binary_join_element_wise(text, "0", "."), text)
    elif pc.any(pc.match_substring_regex(text, r'[",\n]')).as_py():
        raise DataError(
            f"column '{name}' holds a comma, a quote or a line end; the benchmark quotes nothing",
            edit="what models/flights/export.py writes",
        )
    return pc.fill_null(text, "")


def main() -> int:
    """Makes the input of one size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data", description=__doc__)
    parser.add_argument("--rows", type=rows_option, required=True, help=", ".join(SIZES))
    parser.add_argument("--root", type=Path, default=ROOT)
    given = parser.parse_args()
    print(make_input(given.rows, given.root))  # noqa: T201  # what it made
    return EXIT_OK


if __name__ == "__main__":
    raise SystemExit(main())
