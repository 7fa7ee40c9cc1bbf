"""The registry's databases, for the index that is in them."""

from __future__ import annotations

from tests.taxiway.registry.conftest import database, sections

__all__ = ["database", "sections"]
