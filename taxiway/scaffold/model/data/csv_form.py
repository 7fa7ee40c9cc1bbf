"""How a CSV file is written, found by trial: encoding, dialect, and where the names stand."""

from __future__ import annotations

import codecs
import gzip
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from taxiway.arrow.ingest.dialect import Dialect, Fault
from taxiway.errors import DataError
from taxiway.scaffold.model.columns.numbers import is_number
from taxiway.scaffold.model.data.files import GZIP

TRIED_LINES: Final = 1_000
DELIMITERS: Final = (",", ";", "\t", "|")
QUOTES_AND_ESCAPES: Final = (('"', ""), ('"', "\\"), ("'", ""), ("'", "\\"), ("", ""))
"""In the order in which they are preferred."""
MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
WINDOWS: Final = "cp1252"
"""What Excel writes in America and the west of Europe; all of its bytes but five mean something."""
TITLE_LINES: Final = 10
FEW: Final = 0.98
"""Share of the lines that have as many cells as the names: some may be broken."""


@dataclass(frozen=True)
class CsvForm:
    """What has to be known of a file to read it."""

    encoding: str = "utf-8"
    dialect: Dialect = field(default_factory=Dialect)
    skip: int = 0
    """Lines before the one with the names: a title, or `sep=;`."""
    is_packed: bool = False
    """By gzip."""

    @property
    def repairs(self) -> tuple[str, ...]:
        """What the pipeline's reader does not do by itself, in words."""
        found = []
        if self.is_packed:
            found.append("unpacked (gzip)")
        if self.encoding not in ("utf-8", "utf-8-sig"):
            found.append(f"read as {self.encoding} and written as UTF-8")
        if self.skip:
            found.append(
                f"{self.skip} line{'s' * (self.skip > 1)} above the names of columns left out"
            )
        return tuple(found)


def content_of(path: Path) -> tuple[bytes, bool]:
    """The bytes of a file, and whether they were packed.

    Raises:
      DataError: it cannot be read.
    """
    try:
        content = path.read_bytes()
        if content.startswith(GZIP):
            return gzip.decompress(content), True
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read: {error}", edit="--data") from error
    return content, False


def decoded(content: bytes, encoding: str) -> str:
    """The text of a file; a byte that the encoding does not know becomes U+FFFD."""
    return content.decode(encoding, errors="replace").removeprefix("\ufeff")


def sniff(path: Path, content: bytes, is_packed: bool) -> CsvForm:
    """The form of a file.

    Raises:
      DataError: it is no table, or it has no line of names.
    """
    encoding = _encoding(content)
    lines = [line for line in _first_lines(decoded(content, encoding)) if line.strip()]
    if not lines:
        raise DataError(f"{path} has no line", edit="--data")
    told = lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5
    given = lines[0].strip()[4] if told else ""
    rest = [line.encode() for line in lines[told:]]
    dialect, counts = _dialect(rest, (given,) if given else DELIMITERS)
    usual = Counter(counts).most_common(1)[0][0] if counts else 0
    if usual < 2:
        raise DataError(
            f"{path} has one column only, or its cells stand between other characters than "
            f"{' '.join(map(repr, DELIMITERS))}: the first line is {lines[0][:80]!r}",
            edit=f"{path}, or --data",
        )
    rows = [_cells(dialect, line) for line in rest]
    first = names_line(rows, usual)
    _check_names(path, rows[first:])
    skip = _physical(decoded(content, encoding), first + told)
    return CsvForm(encoding, dialect, skip, is_packed)


def _encoding(content: bytes) -> str:
    for mark, name in MARKS:
        if content.startswith(mark):
            return name
    if content[1:200:2].count(0) > 50:
        return "utf-16-le"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return WINDOWS
    return "utf-8"


def _first_lines(text: str) -> Sequence[str]:
    """Lines of the beginning, but for one that may have been cut."""
    start = text[: TRIED_LINES * 2_000]
    lines = start.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return (lines if len(start) == len(text) else lines[:-1])[:TRIED_LINES]


def _physical(text: str, full: int) -> int:
    """Lines before the one that has `full` lines with text before it; 0 where only blanks are."""
    if not full:
        return 0
    seen = 0
    for number, line in enumerate(_first_lines(text)):
        if line.strip():
            if seen == full:
                return number
            seen += 1
    return 0


def _cells(dialect: Dialect, line: bytes) -> list[str]:
    found = dialect.cells(line)
    return [] if isinstance(found, Fault) else [cell.decode() for cell in found]


def _dialect(lines: Sequence[bytes], delimiters: Sequence[str]) -> tuple[Dialect, list[int]]:
    """The dialect in which most lines have as many cells, below a first line that reads as names.

    Of equals it is the one with more cells, and then the first.
    """
    best: tuple[float, ...] = ()
    chosen, chosen_counts = Dialect(), [0]
    for quote, escape in QUOTES_AND_ESCAPES:
        for delimiter in delimiters:
            dialect = Dialect(delimiter, quote, escape)
            rows = [_cells(dialect, line) for line in lines]
            counts = [len(row) for row in rows]
            usual = max(Counter(counts).items(), key=lambda item: (item[1], item[0]))[0]
            if usual < 2 or (quote == "'" and not _are_quoted(lines, dialect)):
                continue
            share = counts.count(usual) / len(counts)
            first = names_line(rows, usual)
            mark = (
                1.0 if share >= FEW else share,
                _read_as_names(rows[first]) * (2 - (first > 0)),
                quote == "'",
                min(usual, 3),
            )
            if mark > best:
                best, chosen, chosen_counts = mark, dialect, counts
    return chosen, chosen_counts


def names_line(rows: Sequence[Sequence[str]], usual: int) -> int:
    """The first line that has a cell for each column, and not just a title in one of them."""
    full = [index for index, row in enumerate(rows) if len(row) >= usual]
    for index in full[:TITLE_LINES]:
        if sum(bool(cell.strip()) for cell in rows[index]) > (1 if usual > 2 else 0):
            return index
    return full[0]


def _read_as_names(cells: Sequence[str]) -> bool:
    known = [cell for cell in cells if cell.strip()]
    return len(set(known)) == len(known) > 0 and not any(map(is_number, known))


def _are_quoted(lines: Sequence[bytes], dialect: Dialect) -> bool:
    """Whether cells stand in the quotes of a dialect, and are not just words with an apostrophe."""
    quote, delimiter = dialect.quote, dialect.delimiter
    texts = [line.decode() for line in lines]
    opened = sum(text.count(delimiter + quote) + text.startswith(quote) for text in texts)
    closed = sum(text.count(quote + delimiter) + text.endswith(quote) for text in texts)
    return opened > len(lines) / 2 and closed > len(lines) / 2


def _check_names(path: Path, rows: Sequence[list[str]]) -> None:
    """Refuses a file whose first line is data.

    Raises:
      DataError: it is, or a name is there twice.
    """
    names, below = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if not below:
        raise DataError(f"{path} has names of columns, but no rows", edit="--data")
    numbers = [index for index, name in enumerate(names) if is_number(name)]
    words = [index for index, name in enumerate(names) if name.strip() and index not in numbers]
    again = [index for index in words if any(row[index] == names[index] for row in below)]
    rising = [names[index] for index in numbers] == sorted({names[index] for index in numbers})
    is_data = numbers and (len(again) == len(words) if words else not (rising and len(numbers) > 1))
    if is_data or (not numbers and len(again) == len(words)):
        raise DataError(
            f"{path}: the first line looks like data, expected the names of the columns: "
            f"{', '.join(map(repr, names))[:200]}",
            edit=f"{path}: put a line with names at its top",
        )
    twice = sorted(name for name, count in Counter(names).items() if count > 1 and name.strip())
    if twice:
        raise DataError(
            f"{path}: the column {twice[0]!r} is there more than once",
            edit=f"{path}: give each column a name of its own",
        )
