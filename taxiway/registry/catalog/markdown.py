"""A model card as Markdown, in which no value is anything but text, whatever it holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from taxiway.registry.catalog.cards import Section, Table
from taxiway.terminal import one_line, printable, shell

_ACTIVE: Final = re.compile(
    r"[\\`*#\[\]<>|~&$@]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # within a word it is nothing but itself
    r"|(?<=/)/|(?<=[wW])\."  # of what would be made a link
)
"""What Markdown, GitHub's with tables and links among it, may read as more than text."""
_LEADING: Final = re.compile(r"([-+=:]|[0-9]{1,9}(?=[.)](\s|$)))")
"""What begins a list, a heading or a rule where a line begins."""


def card_markdown(subject: str, sections: Iterable[Section]) -> str:
    """The whole card.

    Args:
      subject: the version, such as flights/1.2.7.
      sections: as `card_sections` has them.
    """
    parts = [f"# Model card: {escaped(subject)}"]
    for section in sections:
        parts.append(f"## {escaped(section.title)}")
        if section.asks:
            words = ["taxiway", "models", "annotate", subject, "--field"]
            command = f"{shell(words)} {section.field}='...'"
            parts.append(f"**To be filled in**: {escaped(section.asks)}.\n{_code(command)}")
        if section.text:
            parts += _paragraphs(section.text)
        if section.table:
            parts.append(_table(section.table))
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """A text as one line of Markdown that shows just that."""
    line = one_line(text).strip()
    line = _ACTIVE.sub(r"\\\g<0>", line)
    found = _LEADING.match(line)
    if found is None:
        return line
    mark = found.group()
    rest = line[len(mark) :]
    if mark.isdigit():
        return f"{mark}\\{rest}"
    return line if mark in "-+" and rest[:1].isdigit() else f"\\{line}"


def _paragraphs(text: str) -> list[str]:
    """As a person wrote them: an empty line parts two, a line end is a line end."""
    blocks = re.split(r"\n\s*\n", printable(text).strip())
    return ["\\\n".join(escaped(line) for line in block.split("\n")) for block in blocks]


def _table(table: Table) -> str:
    """In columns that are aligned as text too; Markdown has no table without heads."""
    lines = [[escaped(cell) for cell in row] for row in (table.head, *table.rows)]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * width for width in widths]
    return "\n".join(_row(row, widths) for row in (lines[0], rule, *lines[1:]))


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def _code(text: str) -> str:
    """A span of code, whatever backticks are in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    blank = " " if longest else ""
    return f"{fence}{blank}{text}{blank}{fence}"
