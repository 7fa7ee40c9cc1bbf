"""A file that was changed is seen to be, whatever its size and times are made to be afterwards."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from taxiway.arrow.ingest import marks


def rewritten(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"B")


def replaced(path: Path) -> None:
    other = path.with_name("new")
    other.write_bytes(b"B" * 9)
    other.replace(path)


def changed_and_back(path: Path) -> None:
    rewritten(path)
    with path.open("r+b") as file:
        file.write(b"A")


def another_folder_in_its_place(path: Path) -> None:
    """Nothing of the file itself is touched, and another has its times."""
    path.parent.rename(path.parent.with_name("old"))
    path.parent.with_name("other").rename(path.parent)


CHANGES = [rewritten, replaced, changed_and_back, another_folder_in_its_place]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_shows_though_size_and_time_are_restored(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = tmp_path / "span" / "a.csv"
    for folder in ("span", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_bytes(b"A" * 9)
        os.utime(tmp_path / folder / "a.csv", (1e9, 1e9))
    found = path.stat()
    before = marks.marks_of(found)
    assert marks.marks_of(path.stat()) == before
    marks.settle([found])
    change(path)
    os.utime(path, (1e9, 1e9))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (9, found.st_mtime_ns)
    assert marks.marks_of(path.stat()) != before


def test_changes_that_follow_each_other_at_once_are_all_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    seen = set()
    for number in range(20):
        path.write_text(f"{number:09}")
        os.utime(path, (1e9, 1e9))
        found = path.stat()
        seen.add(marks.marks_of(found))
        marks.settle([found])
    assert len(seen) == 20


def test_inodes_count_only_where_they_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = tmp_path.stat()
    assert marks.marks_of(found).endswith(f" {found.st_ino}")
    monkeypatch.setattr(marks, "_file_systems", lambda: {found.st_dev: "fuse.gcsfuse"})
    assert marks.marks_of(found).endswith(" 0")


@pytest.mark.parametrize(("whole", "tick"), [(True, marks.SECOND_NS), (False, marks.TICK_NS)])
def test_a_young_file_is_waited_for_a_tick_of_its_file_system_and_no_longer(
    monkeypatch: pytest.MonkeyPatch, whole: bool, tick: int
) -> None:
    changed = 5 * marks.SECOND_NS + (0 if whole else 1)
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    stat = os.stat_result((0, 0, 0, 0, 0, 0, 0, 0, 0, 0, *(0.0,) * 3, 0, 0, changed))
    assert stat.st_ctime_ns == changed
    for now in (
        changed,
        changed + tick // 2,
        changed + tick,
        changed - 1,
    ):  # the last: a clock apart
        monkeypatch.setattr(time, "time_ns", lambda now=now: now)
        marks.settle([stat])
    assert slept == [tick / marks.SECOND_NS, tick / 2 / marks.SECOND_NS]
    marks.settle([])
