"""Tutorials that are commands, followed to their end in a copy of this repository."""

from __future__ import annotations

import pytest

from tests.conftest import REPOSITORY
from tests.docs.howto import read
from tests.docs.test_howtos import Copy, copy  # noqa: F401  # a fixture
from tests.example import needs_example

PAGES = REPOSITORY / "docs" / "tutorial"


@pytest.mark.pipeline
@pytest.mark.one_stack
@pytest.mark.xdist_group("pipeline")
def test_a_csv_becomes_a_pushed_model(copy: Copy) -> None:  # noqa: F811  # that fixture
    copy.follow(read(PAGES / "your-data.md"))


@needs_example
@pytest.mark.pipeline
@pytest.mark.one_stack
@pytest.mark.xdist_group("pipeline")
def test_a_model_is_trained_approved_deployed_rolled_back_and_restored(copy: Copy) -> None:  # noqa: F811  # that fixture
    copy.follow(read(PAGES / "release.md"))
