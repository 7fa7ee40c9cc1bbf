"""The model that the tests of the backend share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.taxiway.serving.obedient import save_obedient


@pytest.fixture(scope="session")
def obedient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See `save_obedient`."""
    return save_obedient(tmp_path_factory.mktemp("obedient"))
