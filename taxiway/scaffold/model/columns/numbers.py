"""Text that means a number: as the pipeline reads it, or as people write it.

The pipeline's own grammar is asked first (`cells.clean`). What it refuses may still be a number
with a decimal comma, with separators of thousands, or with a unit or a currency around it; such a
column is written anew, and a column is either of one such form or none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from taxiway.arrow.ingest.rows.cells import Column, Kind, clean

NULL_WORDS: Final = frozenset(
    [
        "NA",
        "N/A",
        "n/a",
        "na",
        "#N/A",
        "#NA",
        "NaN",
        "nan",
        "NULL",
        "Null",
        "null",
        "None",
        "none",
        "nil",
        "?",
        "-",
        "--",
        "---",
        ".",
        "\\N",
        "k.A.",
        "k.",
        "A.",
        "n.a.",
        "#VALUE!",
        "#DIV/0!",
        "#REF!",
        "(null)",
        "<NA>",
        "missing",
        "Missing",
        "MISSING",
        "unknown",
        "Unknown",
    ]
)
"""Words for `no value` in a column of numbers or dates."""
PLAIN_NULL_WORDS: Final = frozenset(
    ("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "?", "\\N", "<NA>", "(null)")
)
"""Those that mean it in any column."""
_GROUPED: Final = {
    "a decimal comma": r"[+-]?(?:\d{1,3}(?:[.\u00a0\u202f' ]\d{3})+|\d+)(?:,\d+)?",
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
    unit: str
    """What stands around every number, such as `$` or `km`."""
    words: str
    """The same for a reader."""

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
    for oddity, pattern in _GROUPED.items():
        whole = re.compile(_PREFIX + f"(?P<number>{pattern})" + _SUFFIX)
        found = [whole.fullmatch(word) for word in words]
        if not all(found):
            continue
        units = Counter((one["before"].strip(), one["after"].strip()) for one in found if one)
        if len(units) > 1:
            continue
        before, after = next(iter(units))
        decimal = "," if oddity == "a decimal comma" else "."
        odd = [one for one in found if one and not re.fullmatch(r"[+-]?\d+(\.\d+)?", one["number"])]
        if (
            decimal == ","
            and any("." in one["number"] for one in odd)
            and not any("," in one["number"] for one in odd)
        ):
            continue  # 1.234 alone may as well be a plain number
        told = [oddity] * bool(odd) + [f"{before or after!r} around the number"] * bool(
            before + after
        )
        return Writing(pattern, decimal, before or after, " and ".join(told)) if told else None
    return None
