"""Texts of a project's files as they were in a run: of today, of its commit, or of its diff.

A text counts only where its sha256 is the one on record, so that no guess is ever shown as what
ran.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from taxiway.process.git import committed
from taxiway.tracking.run_record.record import RunRecord

LARGEST: Final = 1_000_000
"""Bytes of a file that is shown line by line."""
_COMMIT: Final = re.compile("[0-9a-f]{7,64}")
_FILE: Final = re.compile(r"^diff --git ", re.MULTILINE)
_HUNK: Final = re.compile(r"@@ -([0-9]+)(?:,([0-9]+))? \+[0-9]+(?:,[0-9]+)? @@")


class SourceTexts:
    """The files of a project as runs used them.

    Args:
      project: the folder that paths on record begin in.
    """

    def __init__(self, project: Path) -> None:
        self._project = project

    def __call__(self, record: RunRecord, path: str) -> str | None:
        """The text of a file as it was in a run; None where nothing has it any more."""
        wanted = record.code.files.get(path, "")
        for content in self._found(record, path):
            if len(content) <= LARGEST and hashlib.sha256(content).hexdigest() == wanted:
                return content.decode(errors="replace")
        return None

    def _found(self, record: RunRecord, path: str) -> Iterator[bytes]:
        """What it may have been, the cheapest first."""
        today = self._project / path
        if today.is_file():
            yield today.read_bytes()
        commit = record.code.commit
        known = committed(self._project, commit, path) if _COMMIT.fullmatch(commit) else None
        if known is not None:
            yield known.encode()
        changes = _changes(record.code.diff, path)
        applied = apply_diff(known or "", changes) if changes else None
        if applied is not None:
            yield applied.encode()


def apply_diff(text: str, changes: str) -> str | None:
    """A text with the hunks of a unified diff applied; None where they do not fit it.

    Args:
      text: as it was.
      changes: of this one file, as git prints them.
    """
    before = text.split("\n")
    after: list[str] = []
    place = 0
    for line in changes.split("\n"):
        head = _HUNK.match(line)
        if head:
            start = int(head[1]) - (1 if head[2] != "0" else 0)
            if start < place:
                return None
            after += before[place:start]
            place = start
        elif line[:1] in (" ", "-"):
            if place >= len(before) or before[place] != line[1:]:
                return None
            place += 1
            after += [line[1:]] if line[0] == " " else []
        elif line[:1] == "+":
            after.append(line[1:])
    after += before[place:]
    return "\n".join(after)


def _changes(diff: str, path: str) -> str:
    """Hunks of one file in a diff of git's; empty where it has none."""
    for part in _FILE.split(diff)[1:]:
        name = part.partition("\n")[0].rpartition(" b/")[2]
        if name == path or name.endswith(f"/{path}"):
            place = part.find("\n@@ ")
            return part[place + 1 :].rstrip("\n") if place >= 0 else ""
    return ""
