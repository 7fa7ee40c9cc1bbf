"""Rows that a version is warmed up with: real ones where there are any, else of the right types."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from taxiway.config.data import Data
from taxiway.config.serving import SmokeTest
from taxiway.serving.requests.ask import Signature

if sys.version_info < (3, 11):
    # Before pyarrow 14.0.1 a column of a Python type runs what its file says (CVE-2023-47248), and
    # tfx-bsl 1.16 keeps pyarrow below 11.
    import pyarrow_hotfix  # noqa: F401  # its import is what it does

_SPAN: Final = re.compile(r"\{SPAN(?::\d+)?\}")
_CSV_BYTES: Final = 1 << 18
"""Of a CSV file, its beginning."""


@dataclass(frozen=True)
class Rows:
    """Rows as plain columns.

    Args:
      columns: by name, lists of equal length.
      told: where they are from.
      real: whether a model must have an answer to them.
    """

    columns: Mapping[str, list[Any]]
    told: str
    real: bool = True

    @property
    def count(self) -> int:
        """How many; 0 where there is no column."""
        return len(next(iter(self.columns.values()), []))

    def batch(self, start: int, rows: int) -> dict[str, list[Any]]:
        """So many rows from one on; from the first again when they run out."""
        places = [(start + offset) % self.count for offset in range(rows)]
        return {name: [values[one] for one in places] for name, values in self.columns.items()}


def find_rows(
    signature: Signature,
    most: int,
    *,
    smoke_tests: Sequence[SmokeTest],
    data: Data | None,
    decisions: Path,
) -> Rows:
    """The best rows there are; reads files, so for a thread.

    Args:
      signature: that takes plain columns.
      most: rows.
      smoke_tests: of the model.
      data: where the input spans of the model are; None where that is not known.
      decisions: folder of the model's decision log, which need not be there.
    """
    known = {column.name: column.dtype for column in signature.inputs}
    spans = _newest_first(Path(data.root), data.pattern) if data and "://" not in data.root else ()
    files = itertools.chain(
        ((f"the input span of {file}", file) for file in spans),
        ((f"the decision log, {file}", file) for file in _logged(decisions)),
    )
    for told, file in files:
        found = _read(file, known, most, data)
        if found:
            return Rows(found, told)
    if smoke_tests:
        return Rows(dict(smoke_tests[0].columns), "the first of serving.smoke_tests")
    made = {column.name: [_zero(column.dtype, column.rank)] for column in signature.inputs}
    return Rows(made, "rows made of the signature's types", real=False)


def _newest_first(root: Path, pattern: str) -> Iterator[Path]:
    """The newest span's files; the root is taken as it is named."""
    if not _SPAN.search(pattern) or not root.is_dir():
        return
    expression = re.compile(_SPAN.sub(r"(\\d+)", _as_expression(pattern)))
    glob = _SPAN.sub("*", pattern)
    found = []
    for path in root.glob(glob):
        match = expression.fullmatch(path.relative_to(root).as_posix())
        if match and path.is_file():
            found.append((int(match[1]), path))
    newest = max((span for span, _ in found), default=-1)
    yield from sorted(path for span, path in found if span == newest)


def _as_expression(pattern: str) -> str:
    """A pattern's text but for {SPAN}, which is left as it is."""
    parts = re.split(r"(\{SPAN(?::\d+)?\})", pattern)
    wild = {"*": "[^/]*", "?": "[^/]"}
    plain = (
        part if _SPAN.fullmatch(part) else "".join(wild.get(one, re.escape(one)) for one in part)
        for part in parts
    )
    return "".join(plain)


def _logged(folder: Path) -> Iterator[Path]:
    """Files of the newest day of the decision log, the newest first."""
    return reversed([*_newest_first(folder, "span-{SPAN}/part-*.parquet")])


def _read(
    file: Path, known: Mapping[str, str], most: int, data: Data | None
) -> dict[str, list[Any]]:
    """A file's first rows, of columns that the model takes; nothing if it cannot be read."""
    try:
        is_csv = file.suffix == ".csv" or (
            file.suffix != ".parquet" and data is not None and data.format == "csv"
        )
        table = _first_of_csv(file, data, most) if is_csv else _first_of_parquet(file, known, most)
        return {
            name: [_plain(value, dtype) for value in table.column(name).to_pylist()]
            for name, dtype in known.items()
            if name in table.column_names and table.num_rows
        }
    except (OSError, ValueError, TypeError, KeyError, pa.ArrowException):
        return {}


def _first_of_parquet(file: Path, known: Mapping[str, str], most: int) -> Any:
    with pq.ParquetFile(file) as opened:
        names = [name for name in opened.schema_arrow.names if name in known]
        batches = opened.iter_batches(batch_size=most, columns=names)
        return pa.Table.from_batches([*itertools.islice(batches, 1)])


def _first_of_csv(file: Path, data: Data | None, most: int) -> Any:
    options = data.csv if data else None
    parse = pa_csv.ParseOptions(
        delimiter=options.delimiter if options else ",",
        quote_char=(options.quote or False) if options else '"',
        escape_char=(options.escape or False) if options else False,
    )
    with file.open("rb") as opened:
        beginning = opened.read(_CSV_BYTES)
    whole = beginning[: beginning.rfind(b"\n") + 1]
    words = ["", *(options.null_words if options else ())]
    convert = pa_csv.ConvertOptions(null_values=words, strings_can_be_null=True)
    table = pa_csv.read_csv(pa.BufferReader(whole), parse_options=parse, convert_options=convert)
    return table.slice(0, most)


def _plain(value: Any, dtype: str) -> Any:
    """A value as a client would send it for an input of that type."""
    if value is None:
        return None
    if isinstance(value, list):
        return [_plain(one, dtype) for one in value]
    if dtype == "string":
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return value if isinstance(value, int) else float(value)


def _zero(dtype: str, rank: int) -> Any:
    value: Any = "" if dtype == "string" else 0
    return [value] if rank > 1 else value
