"""The rows that a model is tested on: some of its own spans, or mock rows where it has none."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from taxiway.arrow.ingest import spans
from taxiway.arrow.ingest.reading import Source
from taxiway.config.data import NamedSpan, SpanWindow
from taxiway.config.schema import Config
from taxiway.errors import ConfigError, DataError

ROWS: Final = 8_000
"""Of all spans together: enough to learn something from, and seconds to train on."""
LEAST_ROWS: Final = 500
"""Of a span."""
FIRST_ROWS: Final = 200_000
"""Of each file, from which those are taken, evenly: data is often in some order."""

Origin = Literal["the model's own spans", "mock rows", "an export"]


def make_sample(config: Config, folder: Path, export: Callable[[Path], Config]) -> Origin:
    """Writes `data/span-<n>/...` into a folder, as `config.data` would have it.

    Args:
      config: of the model.
      folder: an empty one.
      export: runs the model's own exporter into a folder and gives a config that has its spans.

    Returns:
      Where the rows are from.

    Raises:
      ConfigError: the model has no data, no mock rows and no exporter.
      DataError: what is there cannot be read.
    """
    module = config.model.module
    if found := _spans(config):
        _copy_some(config, found, folder / "data")
        return "the model's own spans"
    if importlib.util.find_spec(f"{module}.mock"):
        _write_mock_rows(config, folder / "data")
        return "mock rows"
    if importlib.util.find_spec(f"{module}.export"):
        exported = export(folder / "exported")
        _copy_some(exported, _spans(exported), folder / "data")
        return "an export"
    raise ConfigError(
        f"{module} cannot be tested: there is no data below {config.data.root}, and the model's "
        "folder has neither mock rows nor an export",
        edit=f"bring files to {config.data.root}/{config.data.pattern}, or write "
        f"`rows(count, seed)` in {module.replace('.', '/')}/mock.py",
    )


def _spans(config: Config) -> tuple[spans.SpanFile, ...]:
    data = config.data
    last = data.spans.span if isinstance(data.spans, NamedSpan) else None
    length = 1
    if isinstance(data.spans, SpanWindow):
        length, last = data.spans.length, data.spans.end
    wanted = spans.SpanRange(length, last)
    try:
        return spans.resolve(data.root, data.pattern, wanted, data.schema_file).files
    except DataError:
        return ()


def _copy_some(config: Config, files: tuple[spans.SpanFile, ...], root: Path) -> None:
    data = config.data
    source = Source(format=data.format)
    of_span = max(LEAST_ROWS, ROWS // len({file.span for file in files}))
    for file in files:
        beside = sum(other.span == file.span for other in files)
        path = root / file.path.removeprefix(data.root).lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        count = -(-of_span // beside)
        if source.format_of(file.path) == "csv":
            _copy_lines(file.path, path, count)
        else:
            _copy_rows(file.path, path, count)


def _copy_lines(source: str, target: Path, count: int) -> None:
    """Of a CSV file, in which each line is a row; see `data.csv`."""
    with spans.opened(source) as stream:
        lines = _lines(stream)
        header = next(lines, b"")
        first = [line for line in islice(lines, FIRST_ROWS) if line.strip()]
    target.write_bytes(b"".join([header, *first[:: max(1, len(first) // count)][:count]]))


def _lines(stream: Any) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(1 << 20):
        *whole, rest = (rest + block).split(b"\n")
        yield from (line + b"\n" for line in whole)
    if rest:
        yield rest + b"\n"


def _copy_rows(source: str, target: Path, count: int) -> None:
    with spans.opened(source) as stream:
        file = pq.ParquetFile(stream)
        rows = min(file.metadata.num_rows, FIRST_ROWS)
        every = max(1, rows // count)
        taken, seen = [], 0
        for batch in file.iter_batches():
            if seen >= rows:
                break
            index = range(-seen % every, batch.num_rows, every)
            taken.append(batch.take(pa.array(index, pa.int64())))
            seen += batch.num_rows
        table = pa.Table.from_batches(taken, file.schema_arrow).slice(0, count)
    pq.write_table(table, target)


def _write_mock_rows(config: Config, root: Path) -> None:
    """As many spans as a run reads, in Parquet; see `mock_assignments`."""
    wanted = config.data.spans
    if isinstance(wanted, SpanWindow):
        last = wanted.end or wanted.length
        numbers = range(last - wanted.length + 1, last + 1)
    else:
        one = wanted.span if isinstance(wanted, NamedSpan) else 1
        numbers = range(one, one + 1)
    count = max(LEAST_ROWS, ROWS // 4 // len(numbers))
    rows = importlib.import_module(f"{config.model.module}.mock").rows
    table = rows(count * len(numbers), 0)  # at once, so that no key is there twice
    for place, number in enumerate(numbers):
        path = root / f"span-{number}" / "mock.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(table.slice(place * count, count), path)


MOCK_ASSIGNMENTS: Final = ("data.format=parquet", "data.pattern='span-{SPAN}/*.parquet'")
"""How mock rows are written, whatever real data is like."""
