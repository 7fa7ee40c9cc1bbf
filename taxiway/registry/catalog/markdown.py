"""A model card as Markdown, in which no value is anything but text, whatever it holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from taxiway.registry.catalog.cards import Section, Table
from taxiway.terminal import one_line, printable

_ACTIVE: Final = re.compile(r"""[\\`*_{}\[\]<>()#+!|~&$^"@]|(?<=/)/|(?<=[wW])\.""")
"""What Markdown, GitHub's with tables and links among it, may read as more than text."""
_LEADING: Final = re.compile(r"^([-=:.]|[0-9]{1,9}(?=\.))")
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
            command = f"taxiway models annotate {subject} --field {section.field}='...'"
            parts.append(
                f"**To be filled in**: {escaped(section.asks)}.\n{_code(one_line(command))}"
            )
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
    return f"{mark}\\{line[len(mark) :]}" if mark.isdigit() else f"\\{line}"


def _paragraphs(text: str) -> list[str]:
    """As a person wrote them: an empty line parts two, a line end is a line end."""
    blocks = re.split(r"\n\s*\n", printable(text).strip())
    return ["\\\n".join(escaped(line) for line in block.split("\n")) for block in blocks]


def _table(table: Table) -> str:
    """With the heads that it has; Markdown has no table without any."""
    lines = [_row(table.head), "|" + " --- |" * len(table.head), *map(_row, table.rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"


def _code(text: str) -> str:
    """A span of code, whatever backticks are in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    blank = " " if longest else ""
    return f"{fence}{blank}{text}{blank}{fence}"
