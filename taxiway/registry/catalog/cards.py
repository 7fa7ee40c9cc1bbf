"""The model card: what a version is, from what its run knows and from what people wrote."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from taxiway.registry.versions.records import ModelVersion

FIELDS: Final = {
    "intended_use": "what decisions it is for, and who uses them",
    "out_of_scope": "what it must not be used for",
    "owner": "who answers for it",
    "ethical_considerations": "whom it may treat unfairly or harm, and what was done about it",
    "limitations": "where it is known to be wrong",
}
"""Fields that only a person can fill in, each with what it asks for."""


def card_gaps(version: ModelVersion, fields: Iterable[str] = FIELDS) -> list[str]:
    """Those of the fields that nobody has filled in; an approval policy may ask for more fields."""
    return [name for name in fields if not version.card.get(name, "").strip()]
