"""Text that means a number: as the pipeline reads it, or as people write it.

The pipeline's own grammar is asked first (`cells.clean`). What it refuses may still be a number
with a decimal comma, with separators of thousands, or with a unit or a currency around it; such a
column is written anew, and a column is either of one such form or none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from taxiway.arrow.ingest.rows.cells import Column, Kind, clean

NULL_WORDS: Final = frozenset(
    (
        *("NA", "N/A", "n/a", "na", "#N/A", "#NA", "<NA>", "NaN", "nan", "n.a.", "k.A.", "k. A."),
        *("NULL", "Null", "null", "(null)", "None", "none", "nil", "\\N"),
        *("?", "-", "--", "---", ".", "missing", "Missing", "MISSING", "unknown", "Unknown"),
        *("#VALUE!", "#DIV/0!", "#REF!"),
    )
)
"""Words for `no value` in a column of numbers or dates."""
PLAIN_NULL_WORDS: Final = frozenset(
    ("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "?", "\\N", "<NA>", "(null)")
)
"""Those that mean it in any column."""
DECIMAL_COMMA: Final = "a decimal comma"
_PLAIN: Final = re.compile(r"[+-]?\d+(\.\d+)?")
_GROUPED: Final = {
    DECIMAL_COMMA: r"[+-]?(?:\d{1,3}(?:[.\u00a0\u202f' ]\d{3})+|\d+)(?:,\d+)?",
    "a comma between thousands": r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?",
    "a blank between thousands": r"[+-]?(?:\d{1,3}(?:[\u00a0\u202f' ]\d{3})+|\d+)(?:\.\d+)?",
}
"""Ways to write a number, by what is odd about them."""
_CURRENCY: Final = r"[$€£¥₹₽₩₺₴]|USD|EUR|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|Rs\.?|kr\.?"
_PREFIX: Final = rf"\s*(?P<before>{_CURRENCY}|)\s*"
_SUFFIX: Final = (
    rf"\s*(?P<after>{_CURRENCY}|%|°?[^\W\d_]{{1,4}}[²³]?(?:[/ ][^\W\d_]{{1,4}}[²³]?)?|)\s*"
)
"""A currency before or behind, a unit behind: `12.5 km`, `80 km/h`, `3 sq ft`, `45%`."""
_LEADING_ZERO: Final = r"^\s*0\d+\s*$"


@dataclass(frozen=True)
class Writing:
    """How the numbers of a column are written, and what makes them plain."""

    pattern: str
    decimal: str
    words: str
    """What is odd, for a reader."""

    def plain(self, text: str | None) -> str | None:
        """The number as the pipeline reads it; None where there is none."""
        found = re.fullmatch(_PREFIX + f"(?P<number>{self.pattern})" + _SUFFIX, text or "")
        if not found:
            return None
        number = found["number"]
        if self.decimal == ",":
            return re.sub(r"[.\u00a0\u202f' ]", "", number).replace(",", ".")
        return re.sub(r"[,\u00a0\u202f' ]", "", number)


def is_number(text: str) -> bool:
    """Whether a cell is one, however it is written."""
    return bool(re.fullmatch(r"\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*", text))


def misfits(values: Any, kind: Kind) -> Sequence[int]:
    """Rows of an array that the pipeline does not take for a kind."""
    raw = values.cast(pa.binary()) if pa.types.is_string(values.type) else values
    batch = pa.RecordBatch.from_arrays([raw], ["column"])
    _, bad = clean(batch, [Column("column", kind, required=False)])
    return [cell.row for cell in bad]


def has_leading_zeros(words: Sequence[str]) -> bool:
    """Whether numbers begin with a zero, as codes and postal codes do."""
    return any(re.match(_LEADING_ZERO, word) for word in words)


def find_writing(words: Sequence[str]) -> Writing | None:
    """The one way in which all of these are written, if they are numbers with something odd.

    Args:
      words: the different cells of a column.
    """
    if not words or has_leading_zeros(words):
        return None
    return next(filter(None, (_writing(oddity, words) for oddity in _GROUPED)), None)


def _writing(oddity: str, words: Sequence[str]) -> Writing | None:
    """One of the ways, if it is that of all words, with one unit around all of them."""
    pattern = _GROUPED[oddity]
    whole = re.compile(_PREFIX + f"(?P<number>{pattern})" + _SUFFIX)
    found = [match for match in map(whole.fullmatch, words) if match]
    units = {(match["before"].strip(), match["after"].strip()) for match in found}
    if len(found) < len(words) or len(units) > 1:
        return None
    before, after = units.pop()
    odd = [match["number"] for match in found if not _PLAIN.fullmatch(match["number"])]
    decimal = "," if oddity == DECIMAL_COMMA else "."
    if decimal == "," and odd and _may_be_thousands(odd, len(words)):
        return None
    told = [oddity] if odd else []
    if before or after:
        told.append(f"{before or after!r} around the number")
    return Writing(pattern, decimal, " and ".join(told)) if told else None


def _may_be_thousands(odd: Sequence[str], words: int) -> bool:
    """Whether what looks like a decimal comma stands between thousands, or is a plain point.

    `1.234` alone is a plain number. `1,200` is a thousand and more where all commas have three
    digits behind them, and other numbers of the column have none.
    """
    if not any("," in number for number in odd):
        return any("." in number for number in odd)
    return len(odd) < words and all(re.fullmatch(r"[+-]?\d{1,3},\d{3}", number) for number in odd)
