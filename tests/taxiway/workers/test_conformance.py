"""Whoever works, a job ends the same way: one table for inline, processes and Dask."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from taxiway.errors import DataError
from taxiway.process.progress import Progress, listening
from taxiway.workers.job import Shard, ShardError
from taxiway.workers.processes import Processes
from tests.conftest import REPOSITORY
from tests.dask_cluster import IMPORTABLE, wait_until
from tests.taxiway.workers.conftest import (
    ALONE,
    EVERY,
    IN_THE_DRIVER,
    KINDS,
    SHARDS,
    Bench,
)
from tests.tied import tied

DEATHS = ["exit 0", "SIGKILL", "sys.exit"]


class TestAJobThatIsDone:
    def test_results_are_merged_in_the_order_of_the_shards(self, bench: Bench) -> None:
        import shard_functions

        assert bench.run(shard_functions.named) == EVERY
        assert [bench.begun(number) for number in range(7)] == [1] * 7

    def test_neither_map_nor_merge_is_the_drivers_work(self, bench: Bench) -> None:
        import shard_functions

        told = bench.run(shard_functions.process, reduce_fn=shard_functions.joined_by)
        pids = {int(pid) for pid in told.split(b",")}
        assert (pids == {os.getpid()}) is (bench.kind in IN_THE_DRIVER)
        assert (os.getpid() in pids) is (bench.kind in IN_THE_DRIVER)

    def test_one_shard_is_enough(self, bench: Bench) -> None:
        import shard_functions

        assert bench.run(shard_functions.quick, shards=SHARDS[2:3]) == b"2,"

    def test_results_may_be_empty_or_large(self, bench: Bench) -> None:
        import shard_functions

        merged = bench.run(shard_functions.large)
        assert merged == b"".join(bytes([number]) * (5 << 20) for number in (0, 2, 4, 6))


TELLING_ROWS = ("inline", "processes")
"""Kinds that tell rows while a shard is read; every kind tells shards."""


class TestProgress:
    def test_shards_and_rows_are_heard_of_and_none_is_counted_twice(self, bench: Bench) -> None:
        import shard_functions

        heard: list[Progress] = []
        with listening(heard.append):
            assert bench.run(shard_functions.reading, shards=SHARDS[:3]) == b"0,1,2,"
        assert {one.total for one in heard} == {3}
        assert [one.done for one in heard] == sorted(one.done for one in heard)
        assert max(one.done for one in heard) >= 1
        told = max(one.rows for one in heard)
        assert 0 < told <= 3000 if bench.kind in TELLING_ROWS else told == 0


class TestErrors:
    @pytest.mark.parametrize("how", ["a reset", "an odd reset", "its own timeout"])
    def test_a_shard_that_may_go_well_is_tried_again_and_no_other_is(
        self, bench: Bench, how: str
    ) -> None:
        import shard_functions

        assert bench.run(shard_functions.trouble, how, 1) == EVERY
        assert [bench.begun(number) for number in range(7)] == [1, 2, 1, 1, 1, 1, 1]

    @pytest.mark.parametrize(
        ("how", "told"),
        [
            ("a reset", "ConnectionResetError: reset by peer"),
            ("an odd reset", "OddReset: odd reset"),
            ("its own timeout", "TimeoutError: the database did not answer"),
        ],
    )
    def test_one_that_never_does_is_named_with_its_last_error(
        self, bench: Bench, how: str, told: str
    ) -> None:
        import shard_functions

        with pytest.raises(ShardError) as raised:
            bench.run(shard_functions.trouble, how, 99)
        assert str(raised.value) == (
            f"Job: /data/file [1, end) was tried 2 times; the last time {told}\n"
            "  edit: what the error names, or engine.workers.retries"
        )
        assert bench.begun(1) == 2

    @pytest.mark.parametrize(
        ("how", "told"),
        [
            ("error", "ValueError: first line"),
            ("odd error", "Odd: odd error"),
            ("a graph's error", "RuntimeError: could not convert string: abc"),
            (
                "a missing file",
                "FileNotFoundError: [Errno 2] No such file or directory: '/none/such'",
            ),
            (
                "Arrow's invalid",
                "ArrowInvalid: Float value 1.5 was truncated converting to int32",
            ),
        ],
    )
    def test_one_that_would_fail_again_is_not_tried_again_and_no_worker_is_blamed(
        self, bench: Bench, how: str, told: str
    ) -> None:
        import shard_functions

        with pytest.raises(ShardError) as raised:
            bench.run(shard_functions.trouble, how, 1)
        assert str(raised.value) == (
            f"Job, at work on /data/file [1, end): {told}\n"
            "  edit: what the error names; the log has where it was raised"
        )
        assert bench.begun(1) == 1

    def test_an_error_of_taxiways_own_is_final(self, apart: Bench) -> None:
        import shard_functions

        started = time.monotonic()
        with pytest.raises(DataError) as raised:
            apart.run(shard_functions.bad_data)
        assert (raised.value.message, raised.value.edit) == (
            "/data/file [1, end) cannot be read",
            "data.root",
        )
        assert apart.begun(1) == 1
        assert time.monotonic() - started < 15  # what others are at is ended

    def test_nor_is_it_tried_again_inline(self, bench: Bench) -> None:
        import shard_functions

        with pytest.raises(DataError):
            bench.run(shard_functions.bad_data, shards=SHARDS[1:2])
        assert bench.begun(1) == 1

    def test_the_merge_is_tried_again_where_that_can_help_and_else_named(
        self, bench: Bench
    ) -> None:
        import shard_functions

        def merge(how: str, times: int) -> partial[bytes]:
            function = shard_functions.joined_in_trouble
            return partial(function, str(bench.folder), how, times)

        assert bench.run(shard_functions.quick, reduce_fn=merge("a reset", 1)) == EVERY
        assert bench.begun(0) == 1  # what was mapped is not mapped again
        with pytest.raises(ShardError, match="Job: the merge was tried 2 times"):
            bench.run(shard_functions.quick, reduce_fn=merge("a reset", 99))
        begun = bench.begun(99)
        with pytest.raises(ShardError, match="Job, at work on the merge: ValueError: first line"):
            bench.run(shard_functions.quick, reduce_fn=merge("error", 99))
        assert bench.begun(99) == begun + 1


class TestDeaths:
    @pytest.mark.parametrize("how", DEATHS)
    def test_a_shard_whose_worker_dies_once_is_tried_again(self, apart: Bench, how: str) -> None:
        import shard_functions

        assert apart.run(shard_functions.trouble, how, 1) == EVERY
        assert apart.begun(1) == 2

    @pytest.mark.parametrize("how", ["exit 1", "SIGSEGV"])
    def test_one_that_always_crashes_is_named_within_its_tries(
        self, apart: Bench, how: str
    ) -> None:
        import shard_functions

        with pytest.raises(ShardError) as raised:
            apart.run(shard_functions.trouble, how, 99)
        told = raised.value.message
        assert told.startswith("Job: /data/file [1, end) was tried 2 times; the last time its ")
        assert " died" in told
        assert apart.begun(1) == 2

    def test_a_crash_costs_no_other_shard_a_try(self, apart: Bench) -> None:
        import shard_functions

        shards = [Shard("/data/file", number) for number in range(20)]
        with pytest.raises(ShardError, match=r"file \[1, end\) was tried 3 times"):
            apart.run(shard_functions.trouble, "SIGKILL", 99, shards=shards, retries=2)
        assert apart.begun(1) == 3

    def test_a_merge_that_crashes_once_is_merged_again(self, apart: Bench) -> None:
        import shard_functions

        merge = partial(shard_functions.joined_in_trouble, str(apart.folder), "SIGKILL", 1)
        assert apart.run(shard_functions.quick, reduce_fn=merge) == EVERY

    def test_a_merge_that_always_crashes_is_named(self, apart: Bench) -> None:
        import shard_functions

        merge = partial(shard_functions.joined_in_trouble, str(apart.folder), "SIGSEGV", 99)
        with pytest.raises(ShardError, match=r"Job: the merge was tried 2 times; .* died"):
            apart.run(shard_functions.quick, reduce_fn=merge)

    def test_a_worker_that_is_killed_between_two_jobs_is_replaced(self, on_dask: Bench) -> None:
        import shard_functions

        on_dask.run(shard_functions.process)
        for pid in on_dask.pids():
            os.kill(pid, signal.SIGKILL)
        assert on_dask.run(shard_functions.quick) == EVERY

    @pytest.mark.parametrize("times", [0, 99])
    def test_forked_processes_end_soon_after_their_job(self, tmp_path: Path, times: int) -> None:
        import shard_functions

        pool = Bench("processes", Processes(2), tmp_path)
        with pytest.raises(ShardError) if times else contextlib.nullcontext():
            pool.run(shard_functions.trouble, "a reset", times)
        assert pool.pids()
        wait_until(lambda: not any(map(psutil.pid_exists, pool.pids())), "their end", 10)

    def test_a_job_that_follows_at_once_finds_them_there(self, tmp_path: Path) -> None:
        import shard_functions

        pool = Bench("processes", Processes(2), tmp_path)
        try:
            for _ in range(3):
                pool.run(shard_functions.process)
            assert len(pool.pids()) == 2
        finally:
            pool.workers.close()


class TestDeadlines:
    @pytest.mark.parametrize("how", ["slow", "frozen"])
    def test_a_shard_that_is_too_slow_once_is_tried_again(self, apart: Bench, how: str) -> None:
        import shard_functions

        assert apart.run(shard_functions.trouble, how, 1, task_seconds=1.0) == EVERY
        assert apart.begun(1) == 2

    def test_one_that_is_always_too_slow_is_named(self, apart: Bench) -> None:
        import shard_functions

        started = time.monotonic()
        with pytest.raises(ShardError) as raised:
            apart.run(shard_functions.trouble, "slow", 99, task_seconds=1.0)
        assert raised.value.message == "Job: /data/file [1, end) was not done within 1 s"
        assert raised.value.edit == "engine.workers.task_seconds"
        assert time.monotonic() - started < 20

    def test_waiting_for_a_worker_is_no_part_of_a_shards_time(self, apart: Bench) -> None:
        import shard_functions

        shards = [Shard("/data/file", 0, number) for number in range(16)]  # 0.2 s each
        assert apart.run(shard_functions.named, shards=shards, task_seconds=0.7) == b"0," * 16

    def test_a_job_that_is_too_slow_ends(self, apart: Bench) -> None:
        import shard_functions

        started = time.monotonic()
        with pytest.raises(ShardError) as raised:
            apart.run(shard_functions.trouble, "slow", 99, job_seconds=1.5)
        assert raised.value.edit == "engine.workers.job_seconds"
        assert time.monotonic() - started < 15

    def test_inline_looks_at_it_between_two_shards(self, bench: Bench) -> None:
        import shard_functions

        shards = [Shard("/data/file", 0, number) for number in range(16)]
        with pytest.raises(ShardError, match=r"was not done within 0.3 s"):
            bench.run(shard_functions.named, shards=shards, job_seconds=0.3)


class TestADriverThatEnds:
    """Drivers that are processes of their own, in the middle of a job that would take a minute."""

    @pytest.fixture(params=KINDS)
    def driver(
        self, request: pytest.FixtureRequest, tmp_path: Path
    ) -> Iterator[tuple[subprocess.Popen[bytes], set[int]]]:
        config = ALONE.get(request.param) or request.getfixturevalue("cluster").config()
        folder = tmp_path
        process = subprocess.Popen(
            tied(
                *(sys.executable, str(IMPORTABLE / "driver.py")),
                *(config.model_dump_json(), str(folder), "bad_data", "1"),
            ),
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: list(folder.iterdir()), "the shard has begun")
            yield process, {int(path.name.split(".")[1]) for path in folder.iterdir()}
        finally:
            process.kill()
            process.wait()

    def test_ctrl_c_ends_what_it_started(
        self, driver: tuple[subprocess.Popen[bytes], set[int]]
    ) -> None:
        process, pids = driver
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) != 0
        wait_until(lambda: not any(map(psutil.pid_exists, pids)), "the workers' end", 10)
        wait_until(lambda: not any(one.is_running() for one in children), "no process is left", 10)

    def test_no_process_outlives_a_driver_that_is_killed(
        self, driver: tuple[subprocess.Popen[bytes], set[int]]
    ) -> None:
        process, pids = driver
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        wait_until(lambda: not any(map(psutil.pid_exists, pids)), "the workers' end", 10)
        wait_until(lambda: not any(one.is_running() for one in children), "no process is left", 10)
