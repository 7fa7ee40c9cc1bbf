"""Files that are older than they may be are removed, a whole day at a time."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path
from typing import Final

from taxiway.serving.decisions.erasure import tombstones
from taxiway.serving.decisions.layout import (
    DAY_US,
    GATEWAYS,
    REWARDS,
    models,
    spans,
    sync_folder,
)
from taxiway.serving.decisions.wal.folders import gateways

TOMBSTONE_SECONDS: Final = 2 * 86_400.0
_DAY_SECONDS: Final = DAY_US / 1e6


def clean(root: Path, retention_days: float, now: float | None = None) -> list[Path]:
    """Removes each day whose last moment is longer ago than that.

    Args:
      root: of the log.
      retention_days: `serving.log.retention_days`.
      now: seconds since 1970; of this moment where it is not given.

    Returns:
      The folders that were removed.
    """
    now = time.time() if now is None else now
    oldest = now - retention_days * _DAY_SECONDS
    removed = []
    for model in models(root):
        for folder in (root / model, root / model / REWARDS):
            for span, path in spans(folder):
                if (span + 1) * _DAY_SECONDS < oldest:
                    shutil.rmtree(path)
                    sync_folder(folder)
                    removed.append(path)
    _clean_accounts(root, oldest)
    _clean_tombstones(root, now)
    return removed


def _clean_accounts(root: Path, oldest: float) -> None:
    for path in (root / GATEWAYS).glob("*.json") if (root / GATEWAYS).is_dir() else ():
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _clean_tombstones(root: Path, now: float) -> None:
    """One concerns nothing any more where every gateway is younger than it."""
    born = [folder.stat().st_mtime for folder in gateways(root) if folder.is_dir()]
    for stone in tombstones.read_all(root):
        at = stone.time_us / 1e6
        if at < now - TOMBSTONE_SECONDS and all(one > at for one in born):
            tombstones.remove(root, stone.id)
