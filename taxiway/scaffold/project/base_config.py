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
    "model.hyperparameters",
    "evaluation.metrics",
    "evaluation.slices",
    "evaluation.thresholds",
)
"""Keys of base.yaml that speak of the example's model or data."""


def split(text: str, keys: Iterable[str]) -> tuple[str, str]:
    """A config without some of its keys, and those keys as an overlay.

    A key takes along the comments right above it; a section that has lost all of them goes too.

    Args:
      text: YAML whose sections and their keys are in block style, as base.yaml's are.
      keys: such as `data.dataset`; one that the config does not have is left out.
    """
    overlay: dict[str, list[str]] = {}
    for key in keys:
        section, _, name = key.partition(".")
        found = _entry(text, section, name)
        if found:
            overlay.setdefault(section, []).append(found[0])
            text = text[: found.start()] + text[found.end() :]
            text = re.sub(rf"^{section}:\n(?! )\n?", "", text, flags=re.M)
    parts = [f"{section}:\n{''.join(entries)}" for section, entries in overlay.items()]
    return text, "\n".join(parts)


def _entry(text: str, section: str, name: str) -> re.Match[str] | None:
    """A key of a section: the comments above it, its line, and those that are further in."""
    found = re.search(rf"^{re.escape(section)}:[^\n]*\n(?: [^\n]*\n|\n(?= ))*", text, re.M)
    if found is None:
        return None
    comments = r"(?:^ +#[^\n]*\n)*"
    line = rf"^(?P<in> +){re.escape(name)}:[^\n]*\n(?:(?P=in) [^\n]*\n)*"
    return re.compile(comments + line, re.M).search(text, found.start(), found.end())
