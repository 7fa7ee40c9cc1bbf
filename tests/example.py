"""The example that a fork may have removed, with the tests that are about it or its pages."""

from __future__ import annotations

from typing import Final

import pytest

from tests.conftest import REPOSITORY

FOLDER: Final = "models/flights"
GOES: Final = (FOLDER, "tests/models/flights", "configs/local.yaml", "configs/smoke.yaml")
"""What a fork may remove."""
needs_example = pytest.mark.skipif(
    not (REPOSITORY / FOLDER).is_dir(), reason=f"{FOLDER} has been removed, as a fork may do"
)


def may_be_gone(path: str) -> bool:
    """Whether a path is one that a fork may have removed."""
    return any(path == one or path.startswith(f"{one}/") for one in GOES)
