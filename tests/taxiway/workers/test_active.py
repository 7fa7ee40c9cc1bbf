"""Who works: the kind that the config names, or what `auto` picks."""

from __future__ import annotations

import math
import os
from functools import partial
from pathlib import Path

import pytest

from taxiway.workers.active import SMALL_BYTES, AutoWorkers, WorkersConfig
from taxiway.workers.job import Shard
from tests.taxiway.workers.conftest import ALONE, IN_THE_DRIVER, SHARDS, Bench


def test_working_gives_jobs_to_whom_the_config_names(bench: Bench) -> None:
    import shard_functions

    from taxiway.workers import active

    if bench.kind == "dask":
        config: WorkersConfig = bench.workers._config  # type: ignore[attr-defined]  # a Dask has one
    else:
        config = ALONE[bench.kind]
    map_fn = partial(shard_functions.process, str(bench.folder))
    with active.working(config):
        active.run(map_fn, SHARDS, shard_functions.joined, "Job")
    assert (bench.pids() == {os.getpid()}) is (bench.kind in IN_THE_DRIVER)


class TestAuto:
    """`auto` starts processes only where they gain something."""

    @pytest.mark.parametrize(
        ("size", "count", "cores", "own_threads", "inline"),
        [
            (SMALL_BYTES + 2, 2, 2, 1, False),
            (SMALL_BYTES - 2, 2, 2, 1, True),
            (SMALL_BYTES + 2, 1, 2, 1, True),
            (SMALL_BYTES + 2, 2, 1, 1, True),
            (SMALL_BYTES + 2, 2, 2, 2, True),
            (SMALL_BYTES + 2, 2, 4, 2, False),
            (SMALL_BYTES + 2, 2, 64, math.inf, True),
        ],
        ids=["large", "small", "one shard", "one core", "no core left", "some left", "takes all"],
    )
    def test_it_picks(
        self,
        size: int,
        count: int,
        cores: int,
        own_threads: bool,
        inline: bool,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        import shard_functions

        from taxiway.workers import active

        monkeypatch.setattr(active, "_cores", lambda: cores)
        shards = [Shard(str(tmp_path / str(number))) for number in range(count)]
        for shard in shards:
            Path(shard.uri).touch()
            os.truncate(shard.uri, size // count)
        (tmp_path / "notes").mkdir()
        map_fn = partial(shard_functions.process, str(tmp_path / "notes"))
        with active.working(AutoWorkers(kind="auto")):
            told = active.run(map_fn, shards, shard_functions.joined, "Job", own_threads)
        assert (told == f"{os.getpid()},".encode() * count) is inline
