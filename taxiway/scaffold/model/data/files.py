"""The data that `taxiway new model` is given: a file, a folder of files, or a folder of spans."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from taxiway.arrow.ingest.text_lines import NO_TEXT
from taxiway.errors import ConfigError, DataError

Format = Literal["csv", "parquet"]

FORMATS: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".data": "csv",
    ".csv.gz": "csv",
    ".tsv.gz": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
"""What a file is, by the ending of its name."""
OTHERS: Final = {
    ".xlsx": "save the sheet as CSV (UTF-8)",
    ".xls": "save the sheet as CSV (UTF-8)",
    ".ods": "save the sheet as CSV (UTF-8)",
    ".zip": "unpack it first",
    ".json": "write it as CSV or Parquet",
    ".jsonl": "write it as CSV or Parquet",
    ".feather": "write it as Parquet",
    ".arrow": "write it as Parquet",
}
"""What is often tried, and what helps."""
GZIP: Final = b"\x1f\x8b"
_SPAN: Final = re.compile(r"span-(0|[1-9]\d*)")
_READABLE: Final = {"csv": ".csv", "parquet": ".parquet"}


@dataclass(frozen=True)
class DataFile:
    """An input file and the span that it belongs to."""

    path: Path
    span: int


@dataclass(frozen=True)
class Given:
    """What was given, all of one format."""

    place: Path
    files: tuple[DataFile, ...]
    format: Format
    has_spans: bool
    """Whether it is a folder of span-N folders already."""

    @property
    def spans(self) -> tuple[int, ...]:
        """Their numbers, oldest first."""
        return tuple(sorted({file.span for file in self.files}))

    @property
    def is_laid_out(self) -> bool:
        """Whether the pipeline finds the files where they are, by its usual pattern."""
        ending = _READABLE[self.format]
        return self.has_spans and all(file.path.suffix == ending for file in self.files)


def find_files(place: Path) -> Given:
    """The files below a place.

    Raises:
      ConfigError: nothing is there, or it is nothing that can be read.
      DataError: the files are of more than one format.
    """
    if not place.exists():
        raise ConfigError(f"--data: {place} does not exist", edit="--data")
    if place.is_file():
        return Given(place, (DataFile(place, 1),), _format_of(place), has_spans=False)
    folders = [(_SPAN.fullmatch(one.name), one) for one in sorted(place.iterdir()) if one.is_dir()]
    spans = [(int(found[1]), folder) for found, folder in folders if found]
    files = tuple(
        DataFile(path, number) for number, folder in spans or [(1, place)] for path in _in(folder)
    )
    if not files:
        raise ConfigError(
            f"--data: {place} has no file that can be read, expected names that end with one of "
            f"{', '.join(FORMATS)}, or folders span-1, span-2, ... of such files",
            edit="--data",
        )
    formats = sorted({_format_of(file.path) for file in files})
    if len(formats) > 1:
        raise DataError(
            f"{place} has files of two formats, CSV and Parquet, expected one",
            edit=f"{place}: remove the files of the other format, or name one file with --data",
        )
    ordered = tuple(sorted(files, key=lambda file: (file.span, file.path)))
    return Given(place, ordered, _format_of(files[0].path), has_spans=bool(spans))


def _in(folder: Path) -> Sequence[Path]:
    """Files of a folder with a known ending; hidden ones and marks such as _SUCCESS are none."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.name[0] not in "._" and _ending(path) in FORMATS
    )


def _ending(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    two = "".join(suffixes[-2:])
    return two if two in FORMATS else "".join(suffixes[-1:])


def _format_of(path: Path) -> Format:
    """By what is in it where that is plain, else by its name."""
    with path.open("rb") as file:
        start = file.read(8)
    ending = _ending(path)
    if start.startswith(b"PAR1"):
        return "parquet"
    if ending in OTHERS:
        raise ConfigError(f"--data: {path} is no CSV or Parquet: {OTHERS[ending]}", edit="--data")
    for mark, kind in NO_TEXT:
        if start.startswith(mark) and mark != GZIP and not kind.startswith("UTF-"):
            hint = f": {OTHERS['.xlsx']}, or unpack it" if mark.startswith(b"PK") else ""
            raise ConfigError(f"--data: {path} is {kind}, expected CSV or Parquet{hint}")
    if not start:
        raise DataError(f"{path} is empty", edit="--data")
    return FORMATS.get(ending, "csv")
