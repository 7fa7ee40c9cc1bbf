"""Takes the example's values out of base.yaml, into an overlay of their own; comments stay."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

EXAMPLES: Final = (
    "pipeline.name",
    "data.dataset",
    "data.export",
    "model.name",
    "model.module",
    "evaluation.slices",
    "evaluation.thresholds",
)
"""Keys of base.yaml that speak of the example's model or data."""


def split(text: str, keys: Iterable[str]) -> tuple[str, str]:
    """A config without some of its keys, and those keys as an overlay.

    Args:
      text: YAML whose sections and their keys are in block style, as base.yaml's are.
      keys: such as `data.dataset`.

    Raises:
      KeyError: there is no such key.
    """
    overlay: dict[str, list[str]] = {}
    for key in keys:
        section, _, name = key.partition(".")
        start, end = _span(text, section, name)
        overlay.setdefault(section, []).append(text[start:end])
        text = text[:start] + text[end:]
    parts = [f"{section}:\n{''.join(entries)}" for section, entries in overlay.items()]
    return text, "\n".join(parts)


def _span(text: str, section: str, name: str) -> tuple[int, int]:
    """Where a key of a section starts and ends: its line, and those that are further in."""
    found = re.search(rf"^{re.escape(section)}:[^\n]*\n(?:[ ][^\n]*\n|\n)*", text, re.M)
    if found:
        entry = rf"^(?P<in> +){re.escape(name)}:[^\n]*\n(?:(?P=in) [^\n]*\n)*"
        inner = re.compile(entry, re.M).search(text, found.start(), found.end())
        if inner:
            return inner.span()
    raise KeyError(f"{section}.{name}")
