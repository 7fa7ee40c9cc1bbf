"""Servers and compiled pipelines that the Kubeflow tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.metadata.connection import PASSWORD_ENV
from tests import databases
from tests.busybox import busybox_image
from tests.conftest import TINY

__all__ = ["busybox_image"]


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> str:
    """The servers' password, where the config looks for it."""
    monkeypatch.setenv(PASSWORD_ENV, databases.PASSWORD)
    return databases.PASSWORD


@pytest.fixture(scope="session")
def compiled() -> Callable[..., list[Any]]:
    """Compiles for Kubeflow and gives both YAML documents."""

    def compile_(*assignments: str, overlays: tuple[str, ...] = (TINY, "kubeflow")) -> list[Any]:
        from taxiway.runners.kubeflow.compile import to_kubeflow

        config: Config = load_config(overlays, assignments)
        return list(yaml.safe_load_all(to_kubeflow(config)))

    return compile_


@pytest.fixture
def volume(spans: Path, tmp_path: Path) -> Path:
    """A volume with the tiny data set, which any user may write to."""
    import shutil

    place = tmp_path / "volume"
    shutil.copytree(spans / "data", place / "data")
    for one in (place, *place.rglob("*")):
        one.chmod(0o777 if one.is_dir() else 0o666)
    return place
