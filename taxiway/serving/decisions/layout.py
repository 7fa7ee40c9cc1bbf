"""Where the log has what, below its root.

    <root>/<model>/span-<day>/part-<gateway>-<sequence>.parquet      decisions
    <root>/<model>/rewards/span-<day>/part-...parquet                rewards
    <root>/_wal/<gateway>/                                           not yet Parquet
    <root>/_gateways/<gateway>.json                                  accounts of gateways that ended
    <root>/_erasures/<id>/                                           what is to be removed
    <root>/_key                                                      of hashed columns

A span is a day (UTC), by its number since 1970, so that the windows of `data.spans` have no holes.
No model's name begins with an underscore.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

WAL: Final = "_wal"
GATEWAYS: Final = "_gateways"
ERASURES: Final = "_erasures"
KEY_FILE: Final = "_key"
REWARDS: Final = "rewards"
DAY_US: Final = 86_400_000_000
_SPAN: Final = re.compile(r"span-(\d+)", re.ASCII)


def span_of(time_us: int) -> int:
    """The day of a time: microseconds since 1970 to days since then."""
    return time_us // DAY_US


def part(root: Path, model: str, kind: str, span: int, gateway: str, first: int) -> Path:
    """The Parquet file of a segment: the same one whenever that segment is converted.

    Args:
      root: of the log.
      model: name.
      kind: `decision` or `reward`.
      span: day.
      gateway: whose segment it is.
      first: the segment's first sequence number.
    """
    below = root / model / REWARDS if kind == "reward" else root / model
    return below / f"span-{span}" / f"part-{gateway}-{first:012d}.parquet"


def models(root: Path) -> list[str]:
    """Names of the models that have a folder."""
    if not root.is_dir():
        return []
    return sorted(one.name for one in root.iterdir() if one.is_dir() and one.name[0] not in "_.")


def spans(folder: Path) -> list[tuple[int, Path]]:
    """Days that a folder has, oldest first."""
    if not folder.is_dir():
        return []
    found = ((_SPAN.fullmatch(one.name), one) for one in folder.iterdir())
    return sorted((int(match[1]), path) for match, path in found if match)


def parts(folder: Path) -> Iterator[Path]:
    """Whole Parquet files of a folder's spans, oldest day first."""
    for _, span in spans(folder):
        yield from sorted(span.glob("part-*.parquet"))


def sync_folder(folder: Path) -> None:
    """Puts names that were made, renamed or removed in a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file that is whole or not there, and on disk when this returns."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def remove_whole(path: Path) -> None:
    """Removes a file, if it is there, for good."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
        sync_folder(path.parent)
