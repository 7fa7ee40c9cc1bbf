"""The newest rows of a model, as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from taxiway.serving.decisions.layout import spans
from taxiway.serving.decisions.parquet.files import read_table
from taxiway.serving.decisions.parquet.tables import TIME, one_table


def newest_rows(root: Path, model: str, limit: int) -> list[dict[str, Any]]:
    """The newest rows that are Parquet, newest first.

    Args:
      root: of the log.
      model: name.
      limit: at most so many.
    """
    tables: list[Any] = []
    rows = 0
    for _, span in reversed(spans(root / model)):
        paths = sorted(span.glob("part-*.parquet"), key=lambda path: path.stat().st_mtime)
        for path in reversed(paths):
            table = read_table(path)
            if table is not None:
                tables.append(table.slice(max(table.num_rows - limit, 0)))
                rows += table.num_rows
            if rows >= limit:
                break
        if rows >= limit:
            break
    if not tables:
        return []
    found = one_table(tables).sort_by([(TIME, "descending")]).slice(0, limit)
    return [dict(row) for row in found.to_pylist()]
