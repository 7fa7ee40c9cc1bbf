"""The tutorial on one's own data, followed to its end in a copy of this repository."""

from __future__ import annotations

import pytest

from tests.conftest import REPOSITORY
from tests.docs.howto import read
from tests.docs.test_howtos import Copy, copy  # noqa: F401  # a fixture

PAGE = REPOSITORY / "docs" / "tutorial" / "your-data.md"


@pytest.mark.pipeline
@pytest.mark.one_stack
@pytest.mark.xdist_group("pipeline")
def test_a_csv_becomes_a_pushed_model(copy: Copy) -> None:  # noqa: F811  # that fixture
    copy.follow(read(PAGE))
