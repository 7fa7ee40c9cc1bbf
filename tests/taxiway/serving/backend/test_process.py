"""A version in its own worker: asked on an event loop, ended where it hangs, held in its bounds."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.access.refusal import Code, Refusal
from taxiway.config.serving import Batching, Limits, ProcessBackend
from taxiway.modeling.exported.plain_columns import RequestError
from taxiway.modeling.names import COLUMNS, SERVING
from taxiway.serving.backend.batching import Batcher
from taxiway.serving.backend.fault import ModelFault
from taxiway.serving.backend.process import ProcessVersion, load
from taxiway.serving.requests.ask import Ask
from taxiway.serving.requests.column_check import ColumnCheck
from taxiway.serving.worker.errors import WorkerError
from tests.taxiway.serving.obedient import check_answers, soon

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("model_worker")]

BACKEND = ProcessBackend(kind="process", memory_limit_mb=1024)
LIMITS = Limits(call_seconds=60)


Test = Callable[[ProcessVersion], Awaitable[None]]


def with_version(model: Path, test: Test, limits: Limits = LIMITS) -> None:
    async def run() -> None:
        version = await load(model, BACKEND, limits)
        try:
            await test(version)
        finally:
            await version.close()

    asyncio.run(run())


@pytest.fixture(scope="module")
def shared(obedient: Path) -> Iterator[Callable[[Test], None]]:
    """Runs tests that leave a version answering, all with the same one."""
    loop = asyncio.new_event_loop()
    version = loop.run_until_complete(load(obedient, BACKEND, LIMITS))
    try:
        yield lambda test: loop.run_until_complete(test(version))
        assert version.lost == ""
    finally:
        loop.run_until_complete(version.close())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def is_gone(pid: int | None) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_version_answers_columns_and_examples_and_tells_of_itself(
    shared: Callable[[Test], None],
) -> None:
    async def test(version: ProcessVersion) -> None:
        await check_answers(version)
        assert version.pid is not None
        assert (version.memory_bytes or 0) > 50 * 2**20
        assert version.lost == ""

    shared(test)


def test_the_gateway_refuses_columns_in_the_words_of_the_worker(
    shared: Callable[[Test], None], obedient: Path
) -> None:
    wrong: list[dict[str, Any]] = [
        {"distance": [1], "ordr": ["x"]},
        {"distance": ["far"]},
        {"distance": [[1]]},
        {"distance": [10**400]},
        {"order": [5]},
        {"order": [b"bytes"]},
        {"order": [["x"]]},
        {"order": ["\ud800"]},
        {"tags": [[1]]},
        {"tags": [[["a"]]]},
        {"distance": [1, 2], "order": ["x"]},
        {"distance": 5},
        {},
    ]

    async def test(version: ProcessVersion) -> None:
        from taxiway.modeling.exported.loaded_model import LoadedModel

        of_worker = LoadedModel(obedient, SERVING)
        check = ColumnCheck(version.signatures[COLUMNS])
        for columns in wrong:
            with pytest.raises(RequestError) as there:
                of_worker.predict_columns(columns)
            told = await refusal(version, check, columns)
            assert told == str(there.value), columns
        for right in ({"distance": [True, 1, math.inf, None]}, {"order": ["x"], "tags": [None]}):
            check.check(right, len(next(iter(right.values()))))
            answer = await version.predict_columns(right, soon())
            for name, values in of_worker.predict_columns(right).items():
                np.testing.assert_array_equal(answer[name], values)

    shared(test)


async def refusal(version: ProcessVersion, check: ColumnCheck, columns: dict[str, Any]) -> str:
    """What is said to columns before they join others, or else as they are sent."""
    first = next(iter(columns.values()), [])
    try:
        check.check(columns, len(first) if isinstance(first, list) else 1)
        await version.predict_columns(columns, soon())
    except (Refusal, WorkerError) as error:
        return error.message.removeprefix("RequestError: ")
    return ""


def test_a_call_past_its_deadline_ends_the_worker_while_the_loop_goes_on(obedient: Path) -> None:
    async def test(version: ProcessVersion) -> None:
        pid = version.pid
        looked = 0
        asked = asyncio.ensure_future(version.predict_examples([b"forever"], soon(0.3)))
        while not asked.done():
            looked += 1
            await asyncio.sleep(0.01)
        with pytest.raises(WorkerError, match="no answer in time") as caught:
            await asked
        assert (caught.value.reason, caught.value.edit) == (
            "timeout",
            "serving.limits.call_seconds",
        )
        assert looked > 5
        assert is_gone(pid)
        assert "no answer in time" in version.lost
        await version.close()
        assert (version.pid, version.memory_bytes) == (None, None)
        with pytest.raises(WorkerError, match="no answer in time"):
            await version.predict_examples([b""], soon())

    with_version(obedient, test)


def test_a_worker_that_is_killed_in_a_call_is_told_of_with_the_signal(obedient: Path) -> None:
    async def test(version: ProcessVersion) -> None:
        asked = asyncio.ensure_future(version.predict_examples([b"forever"], soon()))
        await asyncio.sleep(0)
        assert version.pid is not None
        os.kill(version.pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match="SIGKILL") as caught:
            await asked
        assert caught.value.reason == "crashed"
        assert "SIGKILL" in version.lost

    with_version(obedient, test)


def test_a_worker_that_is_killed_while_no_one_asks_is_known_to_be_lost(obedient: Path) -> None:
    async def test(version: ProcessVersion) -> None:
        assert version.pid is not None
        os.kill(version.pid, signal.SIGKILL)
        deadline = soon(10)
        while not version.lost:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        with pytest.raises(WorkerError) as caught:
            await version.predict_examples([b""], soon())
        assert caught.value.reason == "closed"

    with_version(obedient, test)


def test_what_one_request_makes_the_model_do_is_its_own_trouble(
    shared: Callable[[Test], None],
) -> None:
    async def test(version: ProcessVersion) -> None:
        batcher = Batcher(version, Batching(), LIMITS)

        async def told(**columns: list[Any]) -> Any:
            rows = len(next(iter(columns.values())))
            try:
                answer = await batcher.ask(Ask("m", rows, columns, deadline=soon()))
            except Refusal as refusal:
                return refusal
            return answer["probability"].tolist()

        try:
            found = await asyncio.gather(
                told(distance=[10.0]),
                told(order=["refuse"]),
                told(order=["nan"]),
                told(distance=[20.0]),
            )
        finally:
            await batcher.close()
        assert (found[0], found[3]) == ([1.0], [2.0])
        assert (found[1].code, "told to refuse" in found[1].message) == (Code.INVALID, True)
        assert (found[2].code, type(found[2])) == (Code.FAILED, ModelFault)

    shared(test)


def test_a_folder_that_is_no_model_does_not_load_and_names_the_key(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"saved_model\.pb cannot be read"):
        with_version(tmp_path, lambda _: asyncio.sleep(0))
    slow = BACKEND.model_copy(update={"load_timeout_seconds": 0.05})
    with pytest.raises(WorkerError) as caught:
        asyncio.run(load(tmp_path, slow, LIMITS))
    assert caught.value.edit == "serving.backend.load_timeout_seconds"


def test_a_loading_that_is_given_up_leaves_no_process_behind(obedient: Path) -> None:
    before = children()

    async def give_up() -> None:
        loading = asyncio.ensure_future(load(obedient, BACKEND, LIMITS))
        while children() == before:
            await asyncio.sleep(0.01)
        loading.cancel()
        await asyncio.wait([loading])
        assert loading.cancelled()

    asyncio.run(give_up())
    assert children() == before


def test_a_loading_that_would_never_end_ends_when_it_is_given_up(obedient: Path) -> None:
    before = children()
    patient = BACKEND.model_copy(update={"load_timeout_seconds": 600.0})

    async def give_up() -> None:
        loading = asyncio.ensure_future(load(obedient, patient, LIMITS))
        while not (started := children() - before):
            await asyncio.sleep(0.01)
        for process in started:
            os.kill(process, signal.SIGSTOP)
        loading.cancel()
        done, _ = await asyncio.wait([loading], timeout=60)
        assert done == {loading}
        assert loading.cancelled()

    asyncio.run(give_up())
    assert children() == before


def children() -> set[int]:
    """Of this process."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and fields[0] != "Z":
            found.add(int(status.parent.name))
    return found
