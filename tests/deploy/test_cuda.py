"""The image's CUDA variant: its lock holds CUDA alone, hashed, and fits the one lock."""

from __future__ import annotations

import os
import re

import pytest

from taxiway.process.memory import share_gpu
from tests.conftest import REPOSITORY

LOCK = REPOSITORY / "deploy/cuda.lock"


def pins(text: str) -> list[str]:
    return re.findall(r"^([a-z0-9.-]+)==", text, re.M)


@pytest.mark.skipif(not LOCK.exists(), reason="the image has no deploy folder")
class TestTheLock:
    def test_it_holds_nvidias_packages_and_no_other(self) -> None:
        names = pins(LOCK.read_text())
        assert {"nvidia-cudnn-cu12", "nvidia-cublas-cu12", "nvidia-nccl-cu12"} <= set(names)
        assert [name for name in names if not name.startswith("nvidia-")] == []

    def test_none_of_them_is_installed_elsewhere(self) -> None:
        """Some gigabytes on every laptop."""
        assert not set(pins(LOCK.read_text())) & set(
            pins((REPOSITORY / "requirements.lock").read_text())
        )

    def test_each_has_hashes_and_no_address(self) -> None:
        text = LOCK.read_text()
        for entry in re.split(r"\n(?=\S)", text.strip()):
            assert "--hash=sha256:" in entry, entry
        assert "://" not in text


def test_tensorflow_shares_a_gpu_unless_it_is_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    share_gpu()
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "false")
    share_gpu()
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "false"
