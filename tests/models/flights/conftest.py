"""The flights' small data set, in the place of the one that other tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, once, taxiway

collect_ignore_glob = [] if (REPOSITORY / "models" / "flights").is_dir() else ["*.py"]
"""These tests go with the flights, where a fork removes them."""


@pytest.fixture(scope="session")
def spans(shared_folder: Path) -> Path:
    """The smoke data set, exported once; copy it (see `copied`) before changing it."""

    def make(target: Path) -> None:
        done = taxiway("data", "--config", "smoke", "--set", f"output.root={target}")
        assert done.code == 0, done.err

    return once(shared_folder, "flights", make)
