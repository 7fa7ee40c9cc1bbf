"""Rows that were read, held against those that were written."""

from __future__ import annotations

from typing import Any

from taxiway.errors import DataError


def check_rows(examples: Any, split: str, rows: int) -> None:
    """Refuses rows that are not as many as the artifact says; one that says nothing is fine.

    Args:
      examples: the artifact, with `rows_<split>` where ArrowExampleGen has written it.
      split: of which all rows were read.
      rows: how many those were.

    Raises:
      DataError: with both numbers.
    """
    key = f"rows_{split}"
    if not examples.has_custom_property(key):
        return
    written = examples.get_int_custom_property(key)
    if rows != written:
        raise DataError(
            f"{rows:,} rows of the {split} split of {examples.uri} could be read, and {written:,} "
            "were written",
            edit=f"nothing: remove {examples.uri}, and the next run makes it again",
        )
