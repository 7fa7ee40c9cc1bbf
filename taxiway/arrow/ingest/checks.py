"""Whether what was read may be learned from: no row is lost, and no span and split is empty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from taxiway.arrow.ingest.counting import hash_keys
from taxiway.arrow.ingest.duplicates import count_duplicates
from taxiway.arrow.ingest.reading import index_of, read_columns, read_rows
from taxiway.arrow.ingest.spans import SpanFile
from taxiway.arrow.ingest.summary import SPLITS, Settings, Summary
from taxiway.errors import DataError


def check(summary: Summary, files: Sequence[SpanFile], settings: Settings) -> None:
    """Runs every check, and counts the rows whose key an earlier row has.

    Raises:
      DataError: the first thing that is wrong.
    """
    _check_spans(summary, files)
    _check_splits(summary, settings)
    _check_rows(summary)
    _check_keys(summary, files, settings)


def _check_spans(summary: Summary, files: Sequence[SpanFile]) -> None:
    """A file may be without rows, as Spark leaves them, but not all files of a span."""
    empty = sorted({file.span for file in files if not summary.span_rows.get(file.span)})
    if not empty:
        return
    first, *others = [file.path for file in files if file.span == empty[0]]
    more = f" and {len(others)} more file{'s' * (len(others) > 1)} have" if others else " has"
    dropped = summary.rows_dropped
    note = f" ({dropped} bad rows were left out of all spans)" if dropped else ""
    raise DataError(
        f"span {empty[0]} has no rows: {first}{more} none{note}",
        edit="data.spans, or bring the rows",
    )


def _check_keys(summary: Summary, files: Sequence[SpanFile], settings: Settings) -> None:
    """Counts the rows whose key an earlier row has."""
    found = count_duplicates(summary.keys)
    summary.rows_duplicate = found.rows
    if not found.rows or settings.on_duplicate_key == "warn":
        return
    key, paths = _rows_with(found.hash, files, settings)
    raise DataError(
        f"{found.rows} of {sum(summary.span_rows.values())} rows have a key that an earlier row "
        f"has: {settings.key} {key!r} is in {' and in '.join(paths)}",
        edit="these files, data.on_duplicate_key: warn, or key in the model's FeatureSpec",
    )


def _rows_with(
    wanted: int, files: Sequence[SpanFile], settings: Settings
) -> tuple[str, Sequence[str]]:
    """The key with a hash, and the files of the first two rows that have it."""
    columns = read_columns(settings.schema_file, settings.key, settings.label)
    paths: list[str] = []
    text = ""
    for file in files:
        for batch in read_rows(file.path, columns, settings.source):
            keys = batch.rows.column(index_of(columns, settings.key)).cast(pa.large_binary())
            for row in np.flatnonzero(hash_keys(keys.to_pylist()) == np.uint64(wanted)):
                text = keys[int(row)].as_py().decode()[:80]
                paths.append(file.path)
                if len(paths) == 2:
                    return text, list(dict.fromkeys(paths))
    return text, paths


def _check_splits(summary: Summary, settings: Settings) -> None:
    dropped = f" ({summary.rows_dropped} bad rows were left out)" if summary.rows_dropped else ""
    for name in SPLITS:
        if not summary.splits[name].rows:
            raise DataError(
                f"the {name} split has no rows, of {summary.rows_read} read{dropped}",
                edit="data.spans or data.split",
            )
        classes = summary.classes[name]
        if len(classes) < 2:
            raise DataError(
                f"the {name} split has one class of label only: {settings.label} is "
                f"{next(iter(classes))} in all of its {summary.splits[name].rows} rows"
                f"{dropped}",
                edit="data.spans or data.split, or the label in the input files",
            )


def _check_rows(summary: Summary) -> None:
    """Rows in equal rows out; each part has read back what it wrote."""
    sorted_out = sum(tally.rows for tally in summary.splits.values())
    if summary.rows_read - summary.rows_dropped != sorted_out:
        raise DataError(
            f"{summary.rows_read} rows read and {summary.rows_dropped} left out, but {sorted_out} "
            "went to the splits: a bug in ArrowExampleGen"
        )
