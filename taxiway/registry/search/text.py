"""How text is compared in searches, and what of a version can be searched for as words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any, Final

STRUCTURE: Final = frozenset(
    (
        *("data", "columns", "metrics", "worst_slices", "ranges", "training"),
        *("name", "type", "domain", "value", "lower", "upper", "min", "max"),
        *("spans", "rows_train", "rows_eval", "digests", "inputs", "outputs", "definition"),
        *("major", "minor", "pipeline"),
    )
)
"""Keys that every version has: to search for one would find all."""
LONGEST: Final = 50_000
"""Characters of a version's searched text."""


def folded(text: str) -> str:
    """A text as it is compared: without case, in one form of Unicode, with single blanks."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


def search_text(*parts: Any) -> str:
    """All words of plain values, each once and folded: what `search` looks in.

    Args:
      parts: such as a contract, the facts of a run, reasons.
    """
    words: dict[str, None] = {}
    for text in _texts(parts):
        words[folded(text)] = None
    return "\n".join(words)[:LONGEST]


def _texts(value: Any) -> Iterator[str]:
    """Every text in plain values, and the keys that say something."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key not in STRUCTURE:
                yield str(key)
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
