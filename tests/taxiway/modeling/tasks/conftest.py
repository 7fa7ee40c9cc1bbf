"""What the tests of tasks share: a model of each, which has learned small data by the defaults."""

from __future__ import annotations

import pytest

from tests.taxiway.modeling.tasks.small import (
    FARES,
    PENGUINS,
    TIPS,
    Small,
    learned,
    penguins,
    rides,
)


@pytest.fixture(scope="session")
def of_penguins(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Several classes, whose names are learned."""
    return learned(PENGUINS, penguins(300), tmp_path_factory.mktemp("penguins"))


@pytest.fixture(scope="session")
def of_tips(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Yes or no, in words."""
    return learned(TIPS, rides(3000), tmp_path_factory.mktemp("tips"))


@pytest.fixture(scope="session")
def of_fares(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A number."""
    return learned(FARES, rides(3000), tmp_path_factory.mktemp("fares"))
