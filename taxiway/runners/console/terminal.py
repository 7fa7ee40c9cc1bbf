"""The console of every command: it takes what it is given for text, never for markup or control."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from taxiway.terminal import printable


class TerminalConsole(Console):
    """A rich Console without markup, emoji codes or highlights, through which no control passes.

    All that rich draws comes as text through `render`, cells of tables too, so it is made printable
    there; styles are given by Text and never written into strings.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """As rich does, of a text that is printable."""
        if isinstance(renderable, Text):
            shown = printable(renderable.plain)
            if shown != renderable.plain:
                renderable = renderable.copy()
                renderable.plain = shown  # as long as before, so that styles stay in place
        return super().render(renderable, options)

    def render_str(self, text: str, **options: Any) -> Text:
        """As rich does, of a string that is printable: drawn and measured as such."""
        return super().render_str(printable(text), **options)

    def show_json(self, value: Any) -> None:
        """Writes JSON in ASCII, which loses nothing and moves no cursor."""
        text = json.dumps(value, indent=2, default=str).replace("\x7f", "\\u007f")
        self.file.write(f"{text}\n")
        self.file.flush()
