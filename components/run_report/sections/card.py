"""The report's model card: what the registry was told of the version that a run has pushed."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from taxiway.registry.catalog.cards import card_sections
from taxiway.registry.versions.records import Candidate, ModelVersion

VERSION_FILE = "version.json"


def card_section(folder: str) -> list[dict[str, Any]] | None:
    """The card's sections as plain values; None where the run has registered no version.

    What people fill in later is not there yet, and marked: `taxiway models show --card` has it.

    Args:
      folder: of the ModelVersion artifact.
    """
    path = Path(folder) / VERSION_FILE
    if not folder or not path.is_file():
        return None
    try:
        version = version_of_record(json.loads(path.read_text(encoding="utf-8")))
        return [asdict(section) for section in card_sections(version)]
    except (ValueError, TypeError, KeyError):  # an older release's: the report is made without
        logging.exception("%s cannot be read", path)
        return None


def version_reasons(folder: str) -> dict[str, str]:
    """Why the version has its number, by what of it was raised; empty where it is not known."""
    path = Path(folder) / VERSION_FILE
    if not folder or not path.is_file():
        return {}
    try:
        reasons = json.loads(path.read_text(encoding="utf-8")).get("reasons") or {}
        return {str(name): str(why) for name, why in reasons.items()}
    except (ValueError, AttributeError):  # an older release's
        logging.exception("%s cannot be read", path)
        return {}


def version_of_record(record: Mapping[str, Any]) -> ModelVersion:
    """The version that version.json tells of."""
    known = {field.name for field in fields(Candidate)}
    candidate = Candidate(**{name: value for name, value in record.items() if name in known})
    return ModelVersion(
        (0, 0, 0),
        candidate,
        str(record["created_at"]),
        name=str(record["version"]),
        reasons=record.get("reasons") or {},
    )
