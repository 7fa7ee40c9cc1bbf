"""How far a node is: heard where it is launched, paced, and free where nobody listens."""

from __future__ import annotations

import threading

import pytest

from taxiway.process import progress
from taxiway.process.progress import JobProgress, Pace, Progress, listening, report, rows_read


class Clock:
    """A clock that a test moves on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(progress.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.mark.parametrize(
    ("how_far", "text"),
    [
        (Progress(3, 8, rows=1_203_000), "3 of 8 shards, 1,203,000 rows"),
        (Progress(0, 1), "0 of 1 shard"),
        (Progress(rows=1000), "1,000 rows"),
        (Progress(2, 9, "epochs", note="loss 0.4"), "2 of 9 epochs, loss 0.4"),
        (Progress(), ""),
    ],
)
def test_it_is_told_in_a_few_words(how_far: Progress, text: str) -> None:
    assert how_far.text == text


def test_where_nobody_listens_nothing_happens() -> None:
    report(Progress(1, 2))
    rows_read(10)
    job = JobProgress(2)
    job.rows(0, 5)
    job.done(0)


def test_it_is_time_once_in_so_many_seconds(clock: Clock) -> None:
    pace = Pace(2.0)
    told = []
    for clock.now in (100.0, 101.9, 102.0, 102.1, 103.9, 104.0, 109.0, 110.9):
        told.append(pace.due())
    assert told == [False, False, True, False, False, True, True, False]


def test_rows_that_no_job_reads_are_counted_for_the_node(clock: Clock) -> None:
    heard: list[Progress] = []
    with listening(heard.append):
        for _ in range(10):
            clock.now += 0.2
            rows_read(100)
    assert [one.rows for one in heard] == [300, 600, 900]
    rows_read(100)
    assert len(heard) == 3


def test_a_shard_that_is_tried_again_begins_anew(clock: Clock) -> None:
    heard: list[Progress] = []
    job = JobProgress(2)
    with listening(heard.append):
        for step in (
            lambda: job.rows(0, 100),
            lambda: job.rows(1, 50),
            lambda: job.again(1),
            lambda: job.rows(1, 60),
            lambda: job.done(1),
            lambda: job.done(0),
            lambda: job.done(2),  # the merge
        ):
            clock.now += 1
            step()
    assert [(one.done, one.total, one.rows) for one in heard] == [
        *((0, 2, 100), (0, 2, 150), (0, 2, 160), (1, 2, 160), (2, 2, 160), (2, 2, 160)),
    ]


def test_what_runs_beside_is_not_heard(clock: Clock) -> None:
    heard: list[Progress] = []

    def other() -> None:
        report(Progress(7, 7))
        with listening(lambda _: None):
            report(Progress(8, 8))

    with listening(heard.append):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        report(Progress(1, 2))
    assert heard == [Progress(1, 2)]
