"""Fixtures of the registry's tests."""

from tests.taxiway.registry.conftest import database, file_database, sections

__all__ = ["database", "file_database", "sections"]
