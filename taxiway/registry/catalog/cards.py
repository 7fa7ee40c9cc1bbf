"""The model card: what a version is, from what its run knows and from what people wrote."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taxiway.registry.versions.records import ModelVersion


def card_gaps(version: ModelVersion, fields: Iterable[str]) -> list[str]:
    """Those of the fields that nobody has filled in."""
    return [name for name in fields if not version.card]
