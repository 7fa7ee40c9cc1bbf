"""A dialect of CSV: which characters delimit, quote and escape, and what it makes of a line.

Arrow reads the lines that are plain. The others, in which quotes do not come in pairs around whole
cells or something is escaped, are read here cell by cell: to Arrow, what stands between a closing
quote and the next delimiter belongs to the cell (`"1"2` is 12), and every escaped character is
itself (`\\N` is N, `C:\\temp` is C:temp).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np

CONTROLS: Final = "\x1f\x1e\x1d\x1c"
ENDS: Final = (ord("\n"), ord("\r"))
SHOWN_BYTES: Final = 80

FaultKind = Literal["open", "glued", "trailing"]


@dataclass(frozen=True)
class Fault:
    """What is wrong with a line: a quote that is not closed, text behind a closing one, or an
    escape without a character."""

    kind: FaultKind
    cell: int
    """Of the line, from 0."""
    shown: bytes
    """The cell, or the beginning of it."""


@dataclass(frozen=True)
class Dialect:
    """RFC 4180 unless said otherwise.

    Two quotes in a quoted cell are one. An escape before an escape, a quote or a delimiter makes
    that character plain; before anything else both stay. A cell that is a null word, in quotes or
    not, has no value.
    """

    delimiter: str = ","
    quote: str = '"'
    """Empty where quotes are characters like any other."""
    escape: str = ""
    """Empty where there is none."""
    null_words: tuple[str, ...] = ()

    @property
    def arrow_quote(self) -> str:
        """What Arrow is told to be the quote: where the dialect has none, a control character."""
        return self.quote or next(
            one for one in CONTROLS if one not in self.delimiter + self.escape
        )

    def suspects(self, text: bytes) -> list[int]:
        """Lines, from 0, that Arrow could read otherwise than this dialect does."""
        characters = np.frombuffer(text, np.uint8)
        quotes = np.flatnonzero(characters == ord(self.arrow_quote))
        escapes = np.flatnonzero(characters == ord(self.escape)) if self.escape else quotes[:0]
        if not len(escapes) and self._are_in_pairs(characters, quotes):
            return []
        starts = np.cumsum([0, *map(len, text.splitlines(keepends=True))])
        lines = np.searchsorted(starts, quotes, "right") - 1
        found, first, line, count = np.unique(
            lines, return_index=True, return_inverse=True, return_counts=True
        )
        is_first = (np.arange(len(quotes)) - first[line]) % 2 == 0
        begins, ends = self._bounds(characters, quotes)
        is_odd = np.where(is_first, ~begins, ~ends) | (count[line] % 2 == 1)
        escaped = np.searchsorted(starts, escapes, "right") - 1
        return [int(number) for number in np.union1d(found[line[is_odd]], escaped)]

    def _are_in_pairs(self, characters: Any, quotes: Any) -> bool:
        """Whether quotes are the first of a cell and the last of it, in turn, on one line each."""
        begins, ends = self._bounds(characters, quotes)
        if len(quotes) % 2 or not (begins[::2].all() and ends[1::2].all()):
            return False
        lines = np.flatnonzero((characters == ENDS[0]) | (characters == ENDS[1]))
        line_of = np.searchsorted(lines, quotes)
        return bool((line_of[::2] == line_of[1::2]).all())

    def _bounds(self, characters: Any, quotes: Any) -> tuple[Any, Any]:
        """Which quotes stand at the beginning of a cell, and which at the end of one."""
        if not self.quote:  # the control character that Arrow has instead is text
            return np.zeros(len(quotes), bool), np.zeros(len(quotes), bool)
        is_bound = np.zeros(256, bool)
        is_bound[[ord(self.delimiter), *ENDS]] = True
        before = is_bound[characters[np.maximum(quotes - 1, 0)]] | (quotes == 0)
        last = len(characters) - 1
        after = is_bound[characters[np.minimum(quotes + 1, last)]] | (quotes == last)
        return before, after

    def as_arrow_reads(self, line: bytes) -> bytes | None:
        """The line as Arrow reads it, where no cell need be looked at; `cells` tells of others."""
        if self._plain_line.fullmatch(line):
            return line
        if self.quote and self.escape and self._quoted_line.fullmatch(line):
            return self._plain_pair.sub(self._doubled, line)
        return None

    def _doubled(self, pair: re.Match[bytes]) -> bytes:
        last = pair[0][-1:]
        return last * 2 if last == self.quote.encode() else last

    def cells(self, line: bytes) -> list[bytes] | Fault:
        """The cells of a line, or its fault; a quote that is not closed is the worst."""
        cells: list[bytes] = []
        fault: Fault | None = None
        start = 0
        while True:
            end, found = self._cell(line, start, len(cells))
            if isinstance(found, Fault):
                if found.kind == "open":
                    return found
                fault, found = fault or found, b""
            cells.append(found)
            if end >= len(line):
                return fault or cells
            start = end + 1

    def joined(self, cells: list[bytes]) -> bytes:
        """The cells as a line that Arrow reads as they are."""
        quote, delimiter = self.arrow_quote.encode(), self.delimiter.encode()
        return delimiter.join(
            quote + cell.replace(quote, quote * 2) + quote
            if quote in cell or delimiter in cell
            else cell
            for cell in cells
        )

    def _cell(self, line: bytes, start: int, cell: int) -> tuple[int, bytes | Fault]:
        """Where the cell that begins at `start` ends, and what it holds."""
        delimiter = self.delimiter.encode()
        if not self.quote or not line.startswith(self.quote.encode(), start):
            plain = self._plain.match(line, start)
            assert plain is not None  # it may be empty
            end = plain.end()
            if end < len(line) and not line.startswith(delimiter, end):
                return len(line), Fault("trailing", cell, line[start:])
            return end, self._plain_pair.sub(_last, line[start:end])
        quoted = self._quoted.match(line, start)
        if quoted is None:
            return len(line), Fault("open", cell, line[start : start + SHOWN_BYTES])
        end = quoted.end()
        if end == len(line) or line.startswith(delimiter, end):
            return end, self._quoted_pair.sub(_last, line[start + 1 : end - 1])
        after = line.find(delimiter, end)
        after = len(line) if after < 0 else after
        return after, Fault("glued", cell, line[start:after])

    @cached_property
    def _plain_line(self) -> re.Pattern[bytes]:
        """Cells in which no escape makes anything plain."""
        return self._line_of(self._idle)

    @cached_property
    def _quoted_line(self) -> re.Pattern[bytes]:
        """The same, but for cells in quotes, where an escape may do so."""
        return self._line_of(re.escape(self.escape.encode()) + b".")

    @property
    def _idle(self) -> bytes:
        """An escape that stays where it is."""
        marks = (self.escape, self.quote, self.delimiter)
        escape, quote, delimiter = (re.escape(mark.encode()) for mark in marks)
        return escape + b"[^" + escape + quote + delimiter + b"]" if escape else b"(?!)"

    def _line_of(self, in_quotes: bytes) -> re.Pattern[bytes]:
        marks = (self.escape, self.arrow_quote, self.delimiter)
        escape, quote, delimiter = (re.escape(mark.encode()) for mark in marks)
        rest = b"[^" + delimiter + escape + b"]*"
        inner = b"[^" + quote + escape + b"]*"
        plain = b"(?!" + quote + b")" + rest + b"(?:" + self._idle + rest + b")*"
        pairs = b"(?:(?:" + quote * 2 + b"|" + in_quotes + b")" + inner + b")*"
        ends = b"(?=" + delimiter + b"|$)"
        quoted = quote + inner + pairs + quote + ends
        cell = b"(?:" + plain + (b"|" + quoted if self.quote else b"") + b")"
        return re.compile(cell + b"(?:" + delimiter + cell + b")*", re.DOTALL)

    @cached_property
    def _quoted(self) -> re.Pattern[bytes]:
        quote, escape = (re.escape(one.encode()) for one in (self.quote, self.escape))
        plain = b"[^" + quote + escape + b"]*"
        pair = quote * 2 + (b"|" + escape + b"." if escape else b"")
        closing = quote + b"(?!" + quote + b")"
        return re.compile(quote + plain + b"(?:(?:" + pair + b")" + plain + b")*" + closing)

    @cached_property
    def _plain(self) -> re.Pattern[bytes]:
        delimiter, escape = (re.escape(one.encode()) for one in (self.delimiter, self.escape))
        plain = b"[^" + delimiter + escape + b"]*"
        return re.compile(plain + (b"(?:" + escape + b"." + plain + b")*" if escape else b""))

    @cached_property
    def _quoted_pair(self) -> re.Pattern[bytes]:
        quote = re.escape(self.quote.encode())
        return re.compile(quote * 2 + (b"|" + self._plain_pair.pattern if self.escape else b""))

    @cached_property
    def _plain_pair(self) -> re.Pattern[bytes]:
        """An escape and what it makes plain; nothing where there is no escape."""
        if not self.escape:
            return re.compile(b"(?!)")
        escape, quote, delimiter = (
            re.escape(one.encode()) for one in (self.escape, self.quote, self.delimiter)
        )
        return re.compile(escape + b"[" + escape + quote + delimiter + b"]")


def _last(pair: re.Match[bytes]) -> bytes:
    return pair[0][-1:]
