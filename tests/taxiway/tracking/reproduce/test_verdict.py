"""When two runs came out the same, and what is told where they did not."""

from __future__ import annotations

import math

from taxiway.tracking.reproduce.verdict import compare
from taxiway.tracking.run_record.record import RunRecord, Slice


def record(auc: float, west: float | None = 0.5, outcome: str = "succeeded") -> RunRecord:
    west_metrics = {} if west is None else {"auc": west}
    slices = (Slice(name="region=west", metrics=west_metrics),)
    return RunRecord(run_id="a", outcome=outcome, metrics={"auc": auc}, slices=slices)


def test_a_millionth_is_equal_and_ten_are_not() -> None:
    assert compare(record(0.8), record(0.8 + 9e-7)).is_equal
    verdict = compare(record(0.8), record(0.8 + 1e-5))
    assert not verdict.is_equal
    assert [one.text for one in verdict.changes] == [
        "auc on overall: then 0.8, now 0.80001 (+1e-05)"
    ]
    assert verdict.compared == 2


def test_large_metrics_are_equal_to_a_millionth_of_them() -> None:
    assert compare(record(2e6), record(2e6 + 1)).is_equal
    assert not compare(record(2e6), record(2e6 + 3)).is_equal


def test_slices_count_and_so_does_a_metric_that_is_gone() -> None:
    verdict = compare(record(0.8), record(0.8, None))
    assert [one.text for one in verdict.changes] == [
        "auc on region=west: then 0.5, now not measured"
    ]
    assert compare(record(0.8, math.nan), record(0.8, math.nan)).is_equal


def test_runs_that_ended_otherwise_are_not_equal() -> None:
    verdict = compare(record(0.8), record(0.8, outcome="stopped"))
    assert (verdict.changes, verdict.is_equal) == ((), False)
