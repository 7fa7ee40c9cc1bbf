"""Fixtures of the registry and its routes, which experiments move."""

from tests.taxiway.registry.conftest import database, file_database, sections
from tests.taxiway.registry.routes.conftest import file_traffic, traffic

__all__ = ["database", "file_database", "file_traffic", "sections", "traffic"]
