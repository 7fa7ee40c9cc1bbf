"""What MLflow is told arrives once, however its server fails, and a run does not wait for it."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.registry.database.session import open_database
from taxiway.registry.outbox.messages import counts, list_messages, post
from taxiway.runners.nodes.run_mirror import mirror_ended
from taxiway.tracking.mlflow.mirrored import (
    TOLD_TAG,
    Message,
    MirroredAliases,
    mirrored_aliases,
    mirrored_run,
)
from taxiway.tracking.mlflow.post import target_of
from taxiway.tracking.mlflow.send import MLFLOW, send
from tests.conftest import TINY, CommandLine
from tests.taxiway.tracking.mirror import proxy as faults
from tests.taxiway.tracking.mirror.conftest import Bench, MlflowServer, free_port
from tests.taxiway.tracking.mirror.proxy import proxied

pytestmark = pytest.mark.one_stack
MOST_SECONDS = 2.0
EARLIER, LATER = "2026-11-27T12:00:00.000000Z", "2026-11-27T13:00:00.000000Z"
FAULTS = [
    *[(faults.DIES, after) for after in (0, 1, 2, 4, 6, 8, 11)],
    *[(faults.DIES_AFTER, after) for after in (0, 2, 3, 5, 8, 10, 11)],
    *[(faults.FAILS, after) for after in (0, 4)],
    *[(faults.HANGS, after) for after in (0, 3)],
    (faults.TRICKLES, 0),
]
"""In what way, after how many requests: the third makes the run, the eleventh its version.
And one that refuses makes twenty."""


def mirrored_in(config: Config, run_id: str) -> float:
    """Has a run mirrored, as at its end; gives the seconds that it took."""
    began = time.monotonic()
    mirror_ended(config, run_id)
    return time.monotonic() - began


def test_twenty_runs_whose_server_failed_are_there_once_when_it_is_back(
    mlflow_server: MlflowServer, bench: Bench, here: CommandLine
) -> None:
    took = {}
    with proxied(mlflow_server.uri) as proxy:
        port = proxy.server_port
        for number, (mode, after) in enumerate(FAULTS):
            proxy.set(mode, after)
            took[mode, after] = fails_at_the_end(bench, number, port)
    took[faults.REFUSES, 0] = fails_at_the_end(bench, len(FAULTS), port)  # nothing listens there
    assert max(took.values()) < MOST_SECONDS, took
    assert len(took) == 20
    half_made = [run for run in mlflow_server.runs(bench.experiment) if not arrived(run)]
    assert len(half_made) >= 5  # so that some are to be completed

    with proxied(mlflow_server.uri, port):
        flushed = here("outbox", "flush", "--config", TINY, "--set", f"output.root={bench.root}")
    assert flushed.out == "20 taken: 20 sent, 0 failed, 0 given up; 0 left\n"
    runs = mlflow_server.runs(bench.experiment, "ALL")
    assert sorted(run["info"]["run_name"] for run in runs) == [f"r{n:02}" for n in range(20)]
    assert all(map(arrived, runs))
    made_before = {run["info"]["run_id"] for run in half_made}
    for run in runs:
        if run["info"]["run_id"] in made_before or run is runs[0]:
            is_whole(mlflow_server, run)
    found = mlflow_server.call(
        "GET", "model-versions/search", filter=f"name='{bench.experiment}'", max_results=100
    )
    tags = [tag for one in found["model_versions"] for tag in one["tags"]]
    told = Counter(tag["value"] for tag in tags if tag["key"] == "taxiway.version")
    assert told == {f"1.{number}.0": 1 for number in range(20)}


def fails_at_the_end(bench: Bench, number: int, port: int) -> float:
    """Has a run end that cannot be mirrored; gives the seconds that it took."""
    # Another token for each is another target, so that none tries those before it.
    uri, token = f"http://127.0.0.1:{port}", f"tracking.token_env=TOKEN_{number}"
    config, run_id = bench.config(uri, token), f"r{number:02}"
    bench.ended(run_id, version=f"1.{number}.0")
    before = counts(open_database(config.registry))
    took = mirrored_in(config, run_id)
    assert counts(open_database(config.registry)) == before | {"waiting": number + 1}
    return took


def arrived(run: dict[str, Any]) -> bool:
    return TOLD_TAG in run["tags"]


def is_whole(server: MlflowServer, run: dict[str, Any]) -> None:
    """Asserts that a run has all that it was to have, and no point of a curve twice."""
    run_id = run["info"]["run_id"]
    assert run["info"]["status"] == "FINISHED"
    assert run["params"] == {
        "model.hyperparameters.epochs": "3",
        "evaluation.slices": '[["region"]]',
    }
    assert run["metrics"]["auc"] == 0.8
    assert run["tags"]["mlflow.source.git.commit"] == "c0ffee"
    asked = {"run_id": run_id, "metric_key": "epoch/loss"}
    curve = server.call("GET", "metrics/get-history", **asked)["metrics"]
    told = [(one.get("step", 0), one["value"]) for one in curve]
    assert told == [(0, 0.7), (1, 0.5), (2, 0.4)]
    files = server.call("GET", "artifacts/list", run_id=run_id)["files"]
    assert [one["path"] for one in files] == ["config.yaml", "record.json", "report.html"]


def test_a_server_that_is_away_is_tried_once_however_many_runs_wait(bench: Bench) -> None:
    config = bench.config(f"http://127.0.0.1:{free_port()}")
    for number in range(3):
        bench.ended(f"r{number}")
        mirrored_in(config, f"r{number}")
    waiting = list_messages(open_database(config.registry))
    assert [one.tries for one in waiting] == [3, 0, 0]
    assert "Connection refused" in waiting[0].error


def test_a_run_that_is_told_again_is_one_message_and_changes_nothing(
    mlflow_server: MlflowServer, bench: Bench
) -> None:
    config = bench.config(mlflow_server.uri)
    bench.ended("r1")
    for _ in range(2):
        mirrored_in(config, "r1")
    assert counts(open_database(config.registry))["sent"] == 1
    bench.ended("r1", outcome="failed", reason="Trainer: no memory", seconds=9.0)  # it was resumed
    mirrored_in(config, "r1")
    (run,) = mlflow_server.runs(bench.experiment)
    assert (run["info"]["status"], run["tags"]["taxiway.reason"]) == (
        "FAILED",
        "Trainer: no memory",
    )


def told(config: Config, at: str, **parts: object) -> None:
    """Sends a message that was put together at some time."""
    send(target_of(config), Message(at=at, **parts).model_dump(mode="json"))  # type: ignore[arg-type]


def test_what_is_older_than_what_is_there_changes_nothing(
    mlflow_server: MlflowServer, bench: Bench
) -> None:
    config = bench.config(mlflow_server.uri)
    ended = mirrored_run(bench.ended("r1"), "", {})
    told(config, LATER, run=ended)
    told(config, EARLIER, run=ended.model_copy(update={"status": "FAILED"}))
    (run,) = mlflow_server.runs(bench.experiment)
    assert run["info"]["status"] == "FINISHED"


def test_of_a_run_that_was_made_twice_the_first_is_completed_and_the_other_removed(
    mlflow_server: MlflowServer, bench: Bench
) -> None:
    """As by a server that hangs, and does what it was asked for long after."""
    config = bench.config(mlflow_server.uri)
    made = mlflow_server.call("POST", "experiments/create", name=bench.experiment)
    tags = [{"key": "taxiway.run_id", "value": "r1"}]
    for _ in range(2):
        mlflow_server.call(
            "POST", "runs/create", experiment_id=made["experiment_id"], run_name="r1", tags=tags
        )
    bench.ended("r1")
    mirrored_in(config, "r1")
    (run,) = mlflow_server.runs(bench.experiment)
    assert run["metrics"]["auc"] == 0.8


def test_aliases_are_as_they_were_last_whatever_comes_late(
    mlflow_server: MlflowServer, bench: Bench
) -> None:
    config = bench.config(mlflow_server.uri)
    model = bench.experiment

    def means(**versions: str) -> MirroredAliases:
        return mirrored_aliases(model, versions)

    one, other = (
        mirrored_run(bench.ended(f"r{number}", version=f"1.{number}.0"), "", {})
        for number in (1, 2)
    )
    told(config, EARLIER, run=one, aliases=means(champion="1.1.0", old="1.1.0"))
    assert mlflow_server.aliases(model) == {"champion": "1.1.0", "old": "1.1.0"}
    mlflow_server.call("POST", "registered-models/alias", name=model, alias="mine", version="1")
    told(config, LATER, aliases=means(champion="1.2.0", latest="1.2.0"))
    assert mlflow_server.aliases(model) == {"mine": "1.1.0"}  # 1.2.0 is still on its way
    told(config, EARLIER, run=other, aliases=means(champion="1.1.0"))
    assert mlflow_server.aliases(model) == {"mine": "1.1.0", "champion": "1.2.0"}


def test_a_message_that_the_server_does_not_take_holds_up_no_other(
    mlflow_server: MlflowServer, bench: Bench
) -> None:
    config = bench.config(mlflow_server.uri)
    bad = mirrored_run(bench.ended("r1"), "", {})
    bad = bad.model_copy(update={"params": {"no//key": "x"}})
    database = open_database(config.registry)
    with database.working() as connection:
        payload = Message(at=LATER, run=bad).model_dump(mode="json")
        post(connection, MLFLOW, "bad", target_of(config), payload)
    bench.ended("r2")
    mirrored_in(config, "r2")
    (left,) = list_messages(database)
    assert left.key == "bad"
    assert "answered /api/2.0/mlflow/runs/log-batch with status 400: INVALID_PARAM" in left.error


def test_where_taxiway_tracking_was_taken_away_runs_end_as_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("taxiway.tracking", "taxiway.tracking.mlflow.post"):
        monkeypatch.setitem(sys.modules, name, None)
    config = bench.config("http://127.0.0.1:1")
    bench.ended("r1")
    mirrored_in(config, "r1")
    assert not Path(open_database(config.registry).place).exists()
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


def test_a_registry_that_cannot_be_used_costs_no_run(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    config = bench.config("http://127.0.0.1:1")
    bench.ended("r1")
    Path(open_database(config.registry).place).write_text("no database" * 100)
    mirrored_in(config, "r1")
    assert "run r1 is not mirrored" in caplog.text


def test_where_nothing_is_mirrored_nothing_is_posted(bench: Bench) -> None:
    config = bench.config("http://127.0.0.1:1")
    nothing = load_config([TINY], [f"output.root={bench.root}"])
    assert nothing.tracking.kind == "none"
    bench.ended("r1")
    mirrored_in(nothing, "r1")
    assert not Path(open_database(config.registry).place).exists()
