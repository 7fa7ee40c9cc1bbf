"""What of a request and its answer is in the log, and what is nowhere in it."""

from __future__ import annotations

import asyncio
import json
import stat
from typing import Any

import numpy as np
import orjson
import pytest

from taxiway.serving.decisions.layout import KEY_FILE, spans
from taxiway.serving.requests.ask import Answer
from tests.taxiway.serving.decisions.conftest import (
    MODEL,
    Folder,
    an_answer,
    an_ask,
    logged,
    wait_until,
)


def test_a_row_has_what_was_asked_and_answered(folder: Folder) -> None:
    log = folder.log()
    logged(
        log,
        an_ask("r-7", key="ann", protocol="oip-grpc"),
        arm="canary",
        chosen="canary",
        propensity=0.1,
        policy="weights",
        propensities={"1.2.6": 0.9, "1.2.7": 0.1},
        revision=5,
    )
    (row,) = folder.converted()
    time = row.pop("_taxiway_time")
    assert time.tzinfo is not None
    assert row.pop("_taxiway_latency_ms") == pytest.approx(2.0)
    assert row == {
        "city": "Kyiv",
        "temp": 20.5,
        "seats": 3,
        "person": "ann",
        "_taxiway_output_probability": 0.25,
        "_taxiway_request_id": "r-7",
        "_taxiway_row": 0,
        "_taxiway_model": MODEL,
        "_taxiway_policy": "weights",
        "_taxiway_version": "1.2.7",
        "_taxiway_number": 3,
        "_taxiway_arm": "canary",
        "_taxiway_chosen_arm": "canary",
        "_taxiway_fallback": False,
        "_taxiway_propensity": 0.1,
        "_taxiway_propensities": '{"1.2.6":0.9,"1.2.7":0.1}',
        "_taxiway_experiment": 0,
        "_taxiway_revision": 5,
        "_taxiway_key": "ann",
        "_taxiway_protocol": "oip-grpc",
        "_taxiway_gateway": log.gateway,
        "_taxiway_sequence": 0,
    }


def test_a_request_of_several_rows_is_as_many_rows(folder: Folder) -> None:
    asked = an_ask("r-1", rows=3)
    assert asked.columns is not None
    asked.columns["seats"][:] = [1, None, 3]
    logged(folder.log(), asked)
    rows = folder.converted()
    assert [row["_taxiway_row"] for row in rows] == [0, 1, 2]
    assert [row["seats"] for row in rows] == [1, None, 3]
    assert {row["_taxiway_request_id"] for row in rows} == {"r-1"}


def test_who_chose_the_version_is_told_and_how_likely_each_of_them_was(folder: Folder) -> None:
    propensities = {"1.2.7": 0.75, "1.3.0": 0.25}
    log = folder.log()
    logged(log, an_ask("r-1"), propensities={"1.2.7": 1.0}, revision=3)
    logged(
        log,
        an_ask("r-2"),
        policy="thompson",
        propensity=0.75,
        propensities=propensities,
        experiment=7,
        revision=4,
    )
    single, drawn = folder.converted()
    names = ("policy", "experiment", "revision")
    assert [single[f"_taxiway_{name}"] for name in names] == ["single", 0, 3]
    assert [drawn[f"_taxiway_{name}"] for name in names] == ["thompson", 7, 4]
    assert json.loads(single["_taxiway_propensities"]) == {"1.2.7": 1.0}
    assert json.loads(drawn["_taxiway_propensities"]) == propensities


def test_a_record_of_a_release_before_propensities_is_read(folder: Folder) -> None:
    log = folder.log()
    body = log._recorder.decision(an_ask("r-1"), an_answer(policy="weights"), 0.002)
    asyncio.run(log._kept(orjson.dumps(orjson.loads(body)[:-3]), 1))
    (row,) = folder.converted()
    assert (row["_taxiway_request_id"], row["_taxiway_policy"]) == ("r-1", "weights")
    assert (row["_taxiway_propensities"], row["_taxiway_revision"]) == (None, 0)


def test_a_fallback_tells_both_arms(folder: Folder) -> None:
    logged(folder.log(), an_ask(), arm="stable", chosen="canary", fallback=True)
    (row,) = folder.converted()
    assert (row["_taxiway_arm"], row["_taxiway_chosen_arm"]) == ("stable", "canary")
    assert row["_taxiway_fallback"] is True


def test_columns_of_the_model_that_no_request_has_are_there_and_empty(folder: Folder) -> None:
    logged(folder.log(), an_ask(columns={"city": ["Lviv"]}))
    (row,) = folder.converted()
    assert (row["city"], row["temp"], row["seats"]) == ("Lviv", None, None)


def test_columns_that_are_not_to_be_logged_are_nowhere_in_plain(folder: Folder) -> None:
    columns = {"person": {"keep": "hash"}, "city": {"keep": "drop"}}
    log = folder.log(columns=columns)
    asked = {"city": ["SecretTown"], "person": ["secret-person"], "temp": [1.0], "seats": [2]}
    logged(log, an_ask("r-1", columns=asked, key="secret-person"))
    log._wal.close()
    assert b"secret" not in folder.content().lower()
    (row,) = folder.converted()
    assert b"secret" not in folder.content().lower()
    assert b"r-1" in folder.content()
    assert len(row["person"]) == 64
    assert row["person"] == row["_taxiway_key"]
    assert row["city"] is None


def test_equal_values_have_equal_hashes_in_every_gateway(folder: Folder) -> None:
    for _ in range(2):
        logged(folder.log(columns={"person": {"keep": "hash"}}), an_ask())
    assert len({row["person"] for row in folder.converted()}) == 1
    assert stat.S_IMODE((folder.root / KEY_FILE).stat().st_mode) == 0o600


def test_answers_of_any_kind_are_kept(folder: Folder) -> None:
    outputs: dict[str, Any] = {
        "probabilities": np.array([[0.5, 0.25], [1.0, 0.0]], np.float32),
        "class": np.array([b"late", "in time"], object),
        "scores": np.arange(8, dtype=np.float64).reshape(2, 4)[:, ::2],
        "raw": np.array([b"\xff\x00", b"\xfe\x00"], object),
    }
    log = folder.log()
    asyncio.run(log.record(an_ask(rows=2), Answer(outputs, "1.0.0", 1), 0.0))
    first, second = folder.converted()
    assert first["_taxiway_output_probabilities"] == [0.5, 0.25]
    assert (first["_taxiway_output_class"], second["_taxiway_output_class"]) == ("late", "in time")
    assert second["_taxiway_output_scores"] == [4.0, 6.0]
    assert first["_taxiway_output_raw"] == b"\xff\x00"


def test_no_value_of_a_request_keeps_others_from_being_logged(folder: Folder) -> None:
    log = folder.log()
    odd = {"city": ["\ud800"], "seats": [2**70], "temp": [float("nan")], "other": [b"\xff"]}
    logged(log, an_ask("odd", columns=odd), an_ask("plain"))
    rows = folder.converted()
    assert [row["_taxiway_request_id"] for row in rows] == ["odd", "plain"]
    assert rows[0]["temp"] is None


def test_a_client_cannot_write_the_columns_of_the_log(folder: Folder) -> None:
    columns = {"_taxiway_key": ["ben"], "_taxiway_row": [9], "city": ["Lviv"]}
    logged(folder.log(), an_ask(columns=columns, key="ann"))
    (row,) = folder.converted()
    assert (row["_taxiway_key"], row["_taxiway_row"]) == ("ann", 0)


def test_a_span_is_a_day(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    log = folder.log()
    for now in (86_400.0 * 20_000 + 5, 86_400.0 * 20_001 + 5):
        monkeypatch.setattr("taxiway.serving.decisions.record.time.time", lambda now=now: now)
        logged(log, an_ask())
    monkeypatch.undo()
    folder.converted()
    assert [span for span, _ in spans(folder.root / MODEL)] == [20_000, 20_001]


def test_a_file_is_closed_after_so_many_rows(folder: Folder) -> None:
    log = folder.log(file_rows=2, convert=True)
    for number in range(3):
        logged(log, an_ask(f"r-{number}", rows=2))
        wait_until(lambda number=number: log.counts().segments > number)
    folder.close()
    assert len(list((folder.root / MODEL).rglob("*.parquet"))) == 3
    assert len(folder.rows()) == 6


def test_the_counts_go_up(folder: Folder) -> None:
    log = folder.log(sync="always")
    logged(log, *(an_ask(f"r-{number}") for number in range(5)))
    counts = log.counts()
    assert (counts.accepted, counts.written, counts.dropped, counts.waiting) == (5, 5, 0, 0)
