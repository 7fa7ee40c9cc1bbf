"""An hour at half of the peak: no request fails, no memory grows, the log has every decision."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import urllib.request
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.serving.site import NAME, Gateway, Site
from benchmarks.serving.soak import Soak, logged, soak, told
from taxiway.serving.decisions.layout import part
from taxiway.serving.decisions.parquet.tables import GATEWAY, SEQUENCE

SECONDS = float(os.environ.get("SOAK_SECONDS", "3600"))
GROWTH = 0.03
"""Of the memory that a process has, over the second half: above what a breath of it is."""


@pytest.mark.long
@pytest.mark.pipeline
def test_at_half_of_the_peak_nothing_fails_or_grows_and_the_log_has_all(tmp_path: Path) -> None:
    from tests.taxiway.serving.fleet import models

    model = models.save(tmp_path / "model", models.constant(1.0))
    keep = ("serving.keep_warm_minutes=0",)
    site = Site(tmp_path / "site", model, {"weight": 1.0}, output="value", settings=keep)
    body = json.dumps({"instances": [{"weight": 2.0}]}).encode()
    with site.gateway() as gateway:
        wait_until_all_is_deployed(gateway)
        found = asyncio.run(soak(gateway, f"/v1/models/{NAME}:predict", body, SECONDS))
    rows, wrong = logged(site.root / "decisions")
    print(*told(found), f"{rows:,} decisions in the log", sep="\n", file=sys.__stdout__)
    assert dict(found.counts.failed) == {}
    assert found.counts.answers > 0.4 * found.peak * SECONDS  # it was asked as often as it says
    assert wrong == []
    assert rows == found.before + found.counts.answers
    for process in ("gateway", "worker"):
        assert found.growth(process) < GROWTH, (process, found.memory[process])


def wait_until_all_is_deployed(gateway: Gateway) -> None:
    """Both versions of the site have come, and the second has the traffic."""
    ends = time.monotonic() + 120
    while True:
        with urllib.request.urlopen(f"{gateway.admin}/api/status") as answer:
            (model,) = json.load(answer)["models"]
        if model["revision"] == 2 and len([v for v in model["versions"] if v["memory_bytes"]]) == 1:
            return
        assert time.monotonic() < ends, model
        time.sleep(0.2)


class TestGrowth:
    def test_what_breathes_does_not_grow(self) -> None:
        found = Soak(
            times=list(range(100)), memory={"one": [1_000 + 20 * (n % 5) for n in range(100)]}
        )
        assert abs(found.growth("one")) < 0.01

    def test_what_was_taken_in_the_first_half_does_not_count(self) -> None:
        memory = [min(n, 40) * 100 + 1_000 for n in range(100)]
        assert Soak(times=list(range(100)), memory={"one": memory}).growth("one") == pytest.approx(
            0
        )

    def test_a_leak_does(self) -> None:
        memory = [10_000 + 10 * n for n in range(101)]
        found = Soak(times=list(range(101)), memory={"one": memory})
        assert found.growth("one") == pytest.approx(500 / 10_750)


class TestLogged:
    @staticmethod
    def write(root: Path, gateway: str, *sequences: list[int]) -> None:
        for numbers in sequences:
            file = part(root, NAME, "decision", 20_000, gateway, numbers[0])
            file.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table({GATEWAY: [gateway] * len(numbers), SEQUENCE: numbers}), file)

    def test_each_gateway_counts_for_itself(self, tmp_path: Path) -> None:
        self.write(tmp_path, "a", [1, 2, 3], [4, 5])
        self.write(tmp_path, "b", [1, 2])
        assert logged(tmp_path) == (7, [])

    @pytest.mark.parametrize("second", [[5, 6], [3, 4]], ids=["a gap", "twice"])
    def test_a_gap_and_a_repetition_are_found(self, tmp_path: Path, second: list[int]) -> None:
        self.write(tmp_path, "a", [1, 2, 3], second)
        assert logged(tmp_path)[1] == ["a: 1 gaps or repetitions"]
