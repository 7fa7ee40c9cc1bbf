"""Whether what was read may be learned from: no row is lost, and no span and split is empty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from taxiway.arrow.ingest.duplicates import count_duplicates
from taxiway.arrow.ingest.reading import read_rows
from taxiway.arrow.ingest.rows import keys
from taxiway.arrow.ingest.spans import SpanFile
from taxiway.arrow.ingest.summary import MOST_CLASSES, SPLITS, Label, Settings, Summary
from taxiway.errors import DataError, did_you_mean
from taxiway.modeling.names import EVAL_SPLIT, TRAIN_SPLIT

SHOWN_CLASSES: Final = 5
SHOWN: Final = 80


def check(summary: Summary, files: Sequence[SpanFile], settings: Settings) -> None:
    """Runs every check, and counts the rows that are there twice.

    Raises:
      DataError: the first thing that is wrong.
    """
    _check_labels(summary, settings)
    _check_spans(summary, files)
    _check_splits(summary, files, settings)
    _check_vocabularies(summary, files, settings)
    _check_rows(summary)
    _check_keys(summary, files, settings)


def _check_labels(summary: Summary, settings: Settings) -> None:
    good = summary.rows_read - summary.rows_dropped
    if not good or summary.rows_unlabelled < good:
        return
    made = f"derive {settings.derive!r} has no value" if settings.derive else "it is empty"
    raise DataError(
        f"no row has a label: {made} for '{settings.label}' in all {good} rows, of which the first "
        f"is {summary.first_unlabelled}",
        edit=_label_edit(settings),
    )


def _check_spans(summary: Summary, files: Sequence[SpanFile]) -> None:
    """A file may be without rows, as Spark leaves them, but not all files of a span."""
    empty = sorted({file.span for file in files if not summary.span_rows.get(file.span)})
    if not empty:
        return
    first, *others = [file.path for file in files if file.span == empty[0]]
    more = f" and {len(others)} more file{'s' * (len(others) > 1)} have" if others else " has"
    raise DataError(
        f"span {empty[0]} has no rows: {first}{more} none{summary.left_out(' of all spans')}",
        edit="data.spans, or bring the rows",
    )


def _check_splits(summary: Summary, files: Sequence[SpanFile], settings: Settings) -> None:
    for name in SPLITS:
        rows = summary.splits[name].rows
        if not rows:
            raise DataError(
                f"the {name} split has no rows, of {summary.rows_read} read{summary.left_out()}",
                edit="data.spans or data.split",
            )
        of = f"of {_files_of(name, files, settings)}{summary.left_out()}"
        found = sorted(summary.classes[name], key=str)
        if len(found) < 2:
            raise DataError(
                f"the {name} split has one class of label only: {settings.label} is {found[0]!r} "
                f"in all of its {rows} rows, {of}",
                edit=f"data.spans or data.split, or {_label_edit(settings)}",
            )
        _check_classes(f"the {name} split, {of}", found, settings)


def _check_classes(where: str, found: Sequence[Label], settings: Settings) -> None:
    """That labels are what the task expects, while there are few enough to know all of them."""
    if len(found) >= MOST_CLASSES:
        return
    there = {_plain(value): value for value in found}
    known = [_plain(value) for value in settings.classes]
    others = [value for plain, value in there.items() if known and plain not in known]
    edit = f"{_label_edit(settings)}, or task in the model's FeatureSpec"
    if others:
        raise DataError(
            f"{where} has labels that are no class: {settings.label} is {_some(others)}, expected "
            f"{_some(known)}{did_you_mean(str(others[0]), known)}",
            edit=edit,
        )
    if settings.positive is not None and _plain(settings.positive) not in there:
        raise DataError(
            f"{where} has no positive label: {settings.label} is never "
            f"{_plain(settings.positive)!r}, but {_some(found)}"
            f"{did_you_mean(_plain(settings.positive), there)}",
            edit=edit,
        )


def _plain(value: Label) -> str:
    """The name of a class: one that is a number is it in any type."""
    if isinstance(value, str):
        return value
    return str(int(value)) if float(value).is_integer() else str(value)


def _some(values: Sequence[object]) -> str:
    shown = ", ".join(repr(value)[:SHOWN] for value in values[:SHOWN_CLASSES])
    more = len(values) - SHOWN_CLASSES
    return f"{shown} and {more} more" if more > 0 else shown


def _check_vocabularies(summary: Summary, files: Sequence[SpanFile], settings: Settings) -> None:
    empty = [name for name in settings.vocabularies if not summary.values.get(name)]
    if empty:
        raise DataError(
            f"column '{empty[0]}' is empty in all {summary.splits[TRAIN_SPLIT].rows} rows of the "
            f"train split, of {_files_of(TRAIN_SPLIT, files, settings)}: there is no value to "
            "make a vocabulary of",
            edit=f"the input files or data.spans, or take '{empty[0]}' out of the model's "
            "FeatureSpec",
        )


def _files_of(split: str, files: Sequence[SpanFile], settings: Settings) -> str:
    """The first of a split's files, and how many more there are."""
    newest = max(file.span for file in files)
    paths = [
        file.path
        for file in files
        if settings.train_buckets is not None or (file.span == newest) == (split == EVAL_SPLIT)
    ]
    more = len(paths) - 1
    return f"{paths[0]}{f' and {more} more file' + 's' * (more > 1) if more else ''}"


def _label_edit(settings: Settings) -> str:
    if settings.derive:
        return "derive in the model's FeatureSpec"
    return f"'{settings.label}' in the input files"


def _check_keys(summary: Summary, files: Sequence[SpanFile], settings: Settings) -> None:
    """Counts the rows whose key an earlier row has, or all of whose columns where there is none."""
    found = count_duplicates(summary.keys)
    summary.rows_duplicate = found.rows
    if not found.rows or settings.on_duplicate_key == "warn":
        return
    key, paths = _rows_with(found.hash, files, settings)
    same = f"have a key that an earlier row has: {settings.key} {key!r} is in "
    if not settings.key:
        same = "are in all columns as an earlier row is: one is in "
    raise DataError(
        f"{found.rows} of {sum(summary.span_rows.values())} rows {same}{' and in '.join(paths)}",
        edit="these files, data.on_duplicate_key: warn, or key in the model's FeatureSpec",
    )


def _rows_with(
    wanted: int, files: Sequence[SpanFile], settings: Settings
) -> tuple[str, Sequence[str]]:
    """The key with a hash, and the files of the first two rows that have it."""
    columns = settings.columns()
    paths: list[str] = []
    text = ""
    for file in files:
        for batch in read_rows(file.path, columns, settings.source):
            hashes = keys.hashes(batch.rows, columns, file.name, batch.numbers)
            for row in np.flatnonzero(hashes.twin == np.uint64(wanted)):
                if settings.key:
                    at = batch.rows.schema.get_field_index(settings.key)
                    text = batch.rows.column(at)[int(row)].as_py()[:80]
                number = int(batch.numbers[row])
                paths.append(file.path if settings.key else f"{file.path}, row {number}")
                if len(paths) == 2:
                    return text, list(dict.fromkeys(paths))
    return text, paths


def _check_rows(summary: Summary) -> None:
    """Rows in equal rows out; each part has read back what it wrote."""
    sorted_out = sum(tally.rows for tally in summary.splits.values())
    left_out = summary.rows_dropped + summary.rows_unlabelled
    if summary.rows_read - left_out != sorted_out:
        raise DataError(
            f"{summary.rows_read} rows read and {left_out} left out, but {sorted_out} went to the "
            "splits: a bug in ArrowExampleGen"
        )
