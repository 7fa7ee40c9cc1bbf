"""What MLflow is told keeps to its limits, and says no more than it ought to."""

from __future__ import annotations

import json

import pytest

from taxiway.tracking.mlflow.mirrored import (
    KEY_LENGTH,
    PARAM_LENGTH,
    STATUS,
    TAG_LENGTH,
    Message,
    mirrored_aliases,
    mirrored_run,
)
from taxiway.tracking.run_record.record import Code, RunRecord


def record(**values: object) -> RunRecord:
    return RunRecord.model_validate({"run_id": "r1", "outcome": "succeeded", **values})


def test_a_record_with_nothing_on_it_is_told_all_the_same() -> None:
    run = mirrored_run(record(), "var/reports/r1", {})
    assert (run.name, run.status, run.started_ms, run.ended_ms) == ("r1", "FINISHED", 0, 0)
    assert run.params == {}
    assert run.tags["taxiway.run_id"] == "r1"
    assert "taxiway.commit" not in run.tags


@pytest.mark.parametrize(("outcome", "status"), STATUS.items())
def test_each_outcome_has_a_status_and_is_a_tag(outcome: str, status: str) -> None:
    run = mirrored_run(record(outcome=outcome), "", {})
    assert (run.status, run.tags["taxiway.outcome"]) == (status, outcome)


def test_values_and_keys_are_no_longer_than_mlflow_keeps_them() -> None:
    long = record(
        config={"a" * 300: "x" * 7000, "an<odd>[key]": None}, reason="y" * 6000, command="z" * 6000
    )
    run = mirrored_run(long, "", {"own tag?": "v"})
    assert max(map(len, run.params)) == KEY_LENGTH
    assert max(map(len, run.params.values())) == PARAM_LENGTH
    assert run.params["an_odd__key_"] == "null"
    assert max(map(len, run.tags.values())) == TAG_LENGTH
    assert run.tags["own tag_"] == "v"


def test_curves_are_points_by_epoch_beside_the_final_metrics() -> None:
    run = mirrored_run(
        record(
            started_at="2026-11-27T12:00:00.000000Z",
            seconds=2.5,
            metrics={"auc": 0.8, "worse": float("nan")},
            curves={"auc": (0.6, 0.7)},
        ),
        "",
        {},
    )
    begin = 1_795_780_800_000
    points = {(name, step): (value, at) for name, value, at, step in run.metrics}
    assert points["auc", 0] == (0.8, begin + 2500)
    assert points["epoch/auc", 0] == (0.6, begin)
    assert points["epoch/auc", 1] == (0.7, begin)
    assert ("worse", 0) not in points  # JSON has no such number


def test_a_diff_is_in_no_value_and_the_tag_of_the_run_is_not_anyones_to_give() -> None:
    written = record(code=Code(commit="c0ffee", dirty=True, diff="-old\n+new"))
    run = mirrored_run(written, "", {"taxiway.run_id": "another"})
    assert "+new" not in run.model_dump_json()
    assert (run.tags["taxiway.dirty"], run.tags["taxiway.run_id"]) == ("true", "r1")


def test_a_message_comes_back_from_json_as_it_was_and_knows_itself_by_all_but_its_time() -> None:
    run = mirrored_run(record(metrics={"auc": 0.8}), "", {})
    message = Message(at="1", run=run)
    assert Message.model_validate(json.loads(message.model_dump_json())) == message
    assert message.digest() == Message(at="2", run=run).digest()
    assert message.digest() != Message(at="1", run=mirrored_run(record(), "", {})).digest()


def test_aliases_that_mlflow_keeps_for_itself_are_not_told() -> None:
    told = mirrored_aliases("tiny", {"champion": "1.0.0", "latest": "1.0.0", "v2": "1.0.0"})
    assert told.versions == {"champion": "1.0.0"}
