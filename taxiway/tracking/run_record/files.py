"""record.json, written whole or not at all, and read."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from taxiway.tracking.run_record.record import FILE, RunRecord


def write_record(folder: Path, record: RunRecord) -> Path:
    """Writes a run's record into its folder, in place of an earlier one."""
    path = folder / FILE
    temporary = folder / f".{FILE}.tmp"
    temporary.write_text(record.model_dump_json(indent=1), encoding="utf-8")
    temporary.replace(path)
    return path


def read_record(folder: Path) -> RunRecord | None:
    """The record in a run's folder; None where there is none that can be read."""
    try:
        return RunRecord.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return None
