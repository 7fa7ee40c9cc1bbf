"""Which files of the project that runs use differ, line by line where both texts are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import unified_diff
from typing import Final

from taxiway.tracking.compare.differences import Difference
from taxiway.tracking.compare.inputs import short
from taxiway.tracking.run_record.record import RunRecord

LONGEST: Final = 200
"""Lines of one file's diff that are kept."""
MOST: Final = 20
"""Files whose lines are shown: a new release of Taxiway changes hundreds, which no one reads."""
Texts = Callable[[RunRecord, str], str | None]
"""The text of a file as it was in a run; None where nothing has it any more."""


def no_texts(record: RunRecord, path: str) -> str | None:
    """Where no texts are at hand."""
    del record, path
    return None


def code_differences(records: Sequence[RunRecord], texts: Texts = no_texts) -> list[Difference]:
    """Files that are not the same in all runs, by their content.

    Args:
      records: the runs.
      texts: gives the files' texts.
    """
    paths = sorted({path for record in records for path in record.code.files})
    found: list[Difference] = []
    for path in paths:
        digests = [record.code.files.get(path) for record in records]
        if len(set(digests)) > 1:
            values = tuple(f"sha256 {short(one)}" if one else None for one in digests)
            diffs = _diffs(records, path, texts) if len(found) < MOST else ()
            found.append(Difference("code", path, values, diffs))
    return found


def _diffs(records: Sequence[RunRecord], path: str, texts: Texts) -> tuple[str, ...]:
    first, *others = records
    return tuple(_diff(first, other, path, texts) for other in others)


def _diff(first: RunRecord, other: RunRecord, path: str, texts: Texts) -> str:
    """Empty where the file is the same, or a text is not known."""
    if first.code.files.get(path) == other.code.files.get(path):
        return ""
    before, after = (
        texts(record, path) if path in record.code.files else "" for record in (first, other)
    )
    if before is None or after is None:
        return ""
    lines = list(
        unified_diff(
            before.splitlines(), after.splitlines(), first.run_id, other.run_id, lineterm=""
        )
    )
    if len(lines) > LONGEST:
        lines = [*lines[:LONGEST], f"... {len(lines) - LONGEST:,} more lines"]
    return "\n".join(lines)
