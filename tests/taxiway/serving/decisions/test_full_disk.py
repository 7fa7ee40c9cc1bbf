"""A disk that takes nothing: what is given up is counted and told, and nothing else is lost."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Iterator

import pytest

from taxiway.access.refusal import Code, Refusal
from taxiway.serving.decisions.log import DecisionLog
from taxiway.serving.decisions.upkeep.status import read_status
from taxiway.serving.decisions.wal import segment
from tests.taxiway.serving.decisions.conftest import Folder, an_answer, an_ask, logged, wait_until


@contextlib.contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Half of a write fits, the rest does not."""

    def write(file: int, content: memoryview) -> int:
        if len(content) < 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, content[: len(content) // 2])

    real = segment.os.write
    with monkeypatch.context() as patched:
        patched.setattr(segment.os, "write", write)
        yield


def waits_for(log: DecisionLog, **counts: int) -> None:
    wait_until(lambda: all(getattr(log.counts(), name) == one for name, one in counts.items()))


def test_what_waits_for_a_full_disk_is_written_when_there_is_room(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = folder.log()
    logged(log, an_ask("before"))
    waits_for(log, written=1)
    with full_disk(monkeypatch):
        logged(log, an_ask("while"))
        wait_until(lambda: "takes nothing" in caplog.text)
    logged(log, an_ask("after"))
    waits_for(log, written=3)
    ids = [row["_taxiway_request_id"] for row in folder.converted()]
    assert ids == ["before", "while", "after"]
    assert "bytes of no record" not in caplog.text  # what fitted is taken back


def test_what_does_not_fit_meanwhile_is_dropped_counted_and_told(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = folder.log(buffered=1_000)
    with full_disk(monkeypatch):
        logged(log, *(an_ask(f"r-{number}") for number in range(20)))
        counts = log.counts()
        assert 0 < counts.dropped < 20
        assert counts.waiting + counts.dropped == 20
        wait_until(lambda: "takes nothing" in caplog.text)
    waits_for(log, waiting=0)
    rows = folder.converted()
    (account,) = read_status(folder.root).gateways
    assert account.accepted == len(rows) + account.dropped == 20
    assert (account.dropped, account.lost) == (counts.dropped, 0)
    assert f"had dropped {counts.dropped} of its 20 records" in caplog.text


def test_with_sync_always_no_answer_is_sent_that_is_not_on_disk(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = folder.log(sync="always")
    with full_disk(monkeypatch), pytest.raises(Refusal) as refused:
        logged(log, an_ask("refused"))
    assert refused.value.code is Code.UNAVAILABLE
    assert "No space left" in str(refused.value)
    logged(log, an_ask("answered"))
    assert [row["_taxiway_request_id"] for row in folder.converted()] == ["answered"]
    (account,) = read_status(folder.root).gateways
    assert (account.accepted, account.dropped, account.lost) == (2, 1, 0)


def test_an_answer_that_nobody_waits_for_any_more_is_logged_all_the_same(folder: Folder) -> None:
    log = folder.log(sync="always")

    async def gone() -> None:
        task = asyncio.ensure_future(log.record(an_ask("gone"), an_answer(), 0.0))
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(gone())
    assert [row["_taxiway_request_id"] for row in folder.converted()] == ["gone"]
