"""Writes the tiny data set, one span of mock rows after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from taxiway.config.schema import Config
from taxiway.errors import DataError
from tests.tiny.mock import rows

ROWS = 600


@dataclass(frozen=True)
class ExportReport:
    """What `taxiway data` tells; every row has a label, so none is left out."""

    root: str
    rows: Mapping[int, int]
    left_out: Mapping[int, int]
    written: tuple[int, ...]
    up_to_date: tuple[int, ...]


def export(config: Config, progress: Callable[[int, int], None]) -> ExportReport:
    """Writes the spans of `config.data.export`, each of `keep_fraction` of ROWS rows."""
    data = config.data
    spans, written = tuple(data.export.spans), []
    count = int(ROWS * data.export.keep_fraction)
    for done, span in enumerate(spans):
        progress(done, len(spans))
        sink = pa.BufferOutputStream()
        write = pa_csv.write_csv if data.format == "csv" else pq.write_table
        write(rows(count, seed=span), sink)
        content = sink.getvalue().to_pybytes()
        path = Path(data.root, f"span-{span}", f"tiny.{data.format}")
        try:
            if not path.is_file() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                written.append(span)
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror}", edit="data.root") from error
    progress(len(spans), len(spans))
    same = tuple(span for span in spans if span not in written)
    return ExportReport(data.root, dict.fromkeys(spans, count), {}, tuple(written), same)
