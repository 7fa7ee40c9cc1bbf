"""Days that are older than they may be go, and nothing else."""

from __future__ import annotations

from taxiway.serving.decisions.layout import REWARDS, spans
from taxiway.serving.decisions.record import Reward
from taxiway.serving.decisions.upkeep.retention import clean
from tests.taxiway.serving.decisions.conftest import (
    MODEL,
    Folder,
    an_ask,
    logged,
    rewarded,
    wait_until,
)

DAY = 86_400


def test_a_day_goes_when_its_last_moment_is_too_long_ago(folder: Folder) -> None:
    log = folder.log()
    logged(log, an_ask())
    rewarded(log, Reward("r-1", 1.0, MODEL))
    folder.converted()
    ((span, path),) = spans(folder.root / MODEL)
    end = (span + 1) * DAY
    assert clean(folder.root, 90.0, end + 90 * DAY - 1) == []
    assert len(folder.rows()) == 1
    removed = clean(folder.root, 90.0, end + 90 * DAY + 1)
    assert removed == [path, folder.root / MODEL / REWARDS / path.name]
    assert list(folder.root.rglob("*.parquet")) == []


def test_a_running_gateway_removes_old_days(folder: Folder) -> None:
    logged(folder.log(), an_ask())
    folder.converted()
    ((span, path),) = spans(folder.root / MODEL)
    path.rename(path.with_name(f"span-{span - 200}"))
    folder.log(convert=True)
    wait_until(lambda: not path.with_name(f"span-{span - 200}").exists())
    folder.close()


def test_what_is_no_span_is_left_alone(folder: Folder) -> None:
    logged(folder.log(), an_ask())
    folder.converted()
    other = folder.root / MODEL / "span-notes.txt"
    other.write_text("mine")
    clean(folder.root, 1.0, 1e11)
    assert other.exists()
