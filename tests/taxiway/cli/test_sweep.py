"""`taxiway sweep`: what it asks for, prints and remembers; once with real runs and a kill -9."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from taxiway.registry.catalog.labels import Subject, tags_of
from taxiway.registry.database.session import open_database
from taxiway.registry.sweeps import list_sweeps, trials_of
from tests.conftest import REPOSITORY, TINY, CommandLine, Workspace, taxiway
from tests.taxiway.runners.sweep.pretended import DROPOUT, RATE, config_at, pretending
from tests.tied import tied

SWEEP = ("sweep", "--config", TINY)


def options(root: Path) -> tuple[str, ...]:
    return ("--config", TINY, "--set", f"output.root={root}")


def test_a_sweep_is_ranked_listed_and_shown(tmp_path: Path, here: CommandLine) -> None:
    config_at(tmp_path)
    asked = (*options(tmp_path), "--set", f"{RATE}=1e-2,1e-1", "--set", f"{DROPOUT}=0.0,0.2")
    with pretending():
        done = here("sweep", *asked)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "sweep 1: a grid of 4, ranked by auc"
    assert lines[1].startswith("trial 1  learning_rate=1e-2 dropout=0.0  0.9  ")
    assert lines[5].split()[:5] == ["rank", "auc", "learning_rate", "dropout", "trial"]
    assert [line.split()[:5] for line in lines[6:10]] == [
        ["1", "0.9", "1e-2", "0.0", "1"],
        ["2", "0.81", "1e-1", "0.0", "3"],
        ["3", "0.7", "1e-2", "0.2", "2"],
        ["4", "0.61", "1e-1", "0.2", "4"],
    ]
    assert lines[10:13] == [
        "sweep 1: 4 trials: 4 complete; ended: all 4 combinations",
        "  reused 4: ArrowExampleGen",
        "  ran 4: Trainer",
    ]
    assert lines[13].endswith(f"--set {RATE}=1e-2 --set {DROPOUT}=0.0")
    assert "--set output.root=" in lines[13]
    shown = json.loads(here("sweep", "show", "1", *options(tmp_path), "--json").out)
    assert [one["rank"] for one in shown["trials"]] == [1, 2, 3, 4]
    assert here("sweep", "show", "1", *options(tmp_path)).out.splitlines() == lines[5:]
    (listed,) = json.loads(here("sweep", "list", *options(tmp_path), "--json").out)
    assert listed == shown
    table = here("sweep", "list", *options(tmp_path)).out.splitlines()[1]
    assert "4 trials: 4 complete" in table
    assert table.rstrip().endswith("all 4 combinations")


def test_the_same_command_goes_on_with_what_has_not_ended(
    tmp_path: Path, here: CommandLine
) -> None:
    from taxiway.runners.sweep.trial import Order, Result
    from tests.taxiway.runners.sweep.pretended import answer

    def interrupted(order: Order) -> Result:
        is_second = order.trial.number == 2
        return Result("interrupted", "Trainer: interrupted") if is_second else answer(order)

    config_at(tmp_path)
    asked = (*options(tmp_path), "--set", f"{RATE}=1e-2,1e-1")
    with pretending(interrupted):
        done = here("sweep", *asked)
    assert done.code == 1
    assert "`taxiway sweep --resume 1` goes on" in done.err
    assert "not ended" in done.out
    with pretending() as server:
        done = here("sweep", *asked)
    assert done.code == 0
    assert "sweep 1 of this very command has not ended" in done.err
    assert [order.trial.number for order in server.orders] == [2]
    with pretending() as server:
        assert here("sweep", *asked, "--runs", "1").out.startswith("sweep 2: ")
        done = here("sweep", "--resume", "2", "--runs", "5", *options(tmp_path))
    assert done.out.startswith("sweep 2: a grid of 2, 5 runs at most, ranked by auc\ntrial 2 ")
    assert [order.trial.number for order in server.orders] == [1, 2]


def test_a_sweep_of_which_every_trial_fails_fails(tmp_path: Path, here: CommandLine) -> None:
    from taxiway.runners.sweep.trial import Result

    config_at(tmp_path)
    with pretending(lambda _: Result("failed", "Trainer: no room\nat all")):
        done = here("sweep", *options(tmp_path), "--set", f"{RATE}=1e-2,1e-1")
    assert done.code == 1
    assert "not ranked" in done.out
    assert done.out.count("Trainer: no room") == 4  # as it happens, and in the table
    assert "the best" not in done.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--set", f"{RATE}=1e-2"), "needs a key with several values"),
        (("--set", f"{RATE}=1e-2,1", "--random", "3", "--tpe", "3"), "give one"),
        (("--set", f"{RATE}=1e-3..1e-2"), "--random N or --tpe N take ranges"),
        (("--resume", "7"), "there is no sweep 7"),
        (("--resume", "7", "--set", "outptu.root=x"), "did you mean 'output'"),
        (("--set", f"{RATE}=1,2", "--metric", "acu"), "did you mean 'auc'"),
    ],
)
def test_wrong_usage_is_told_before_anything_runs(
    tmp_path: Path, here: CommandLine, words: tuple[str, ...], told: str
) -> None:
    config_at(tmp_path)
    done = here("sweep", *options(tmp_path), *words)
    assert done.code == 2
    assert told in done.err


@pytest.mark.pipeline
def test_a_sweep_that_is_killed_in_the_trainer_goes_on_and_shares_nodes_up_to_transform(
    shared_workspace: Workspace,
) -> None:
    """The nodes up to Transform are those of the runs before it."""
    asked = ["sweep", *shared_workspace.options, "--set", f"{RATE}=0.02,0.03"]
    asked += ["--set", "model.hyperparameters.epochs=1", "--slice", "worst", "--json"]
    config = shared_workspace.config()
    database = open_database(config.registry)
    versions = _versions(shared_workspace)
    with subprocess.Popen(
        tied(sys.executable, "-m", "taxiway", *asked), cwd=REPOSITORY, start_new_session=True
    ) as process:
        run_id = _at_the_trainer(shared_workspace, process)
        os.kill(process.pid, signal.SIGKILL)
    done = taxiway(*asked, "--runs", "1")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    (sweep,) = [one for one in list_sweeps(database) if one.id == told["sweep"]]
    (trial,) = trials_of(database, sweep.id)
    assert "has not ended (1 trials begun)" in done.err
    assert told["counts"] == {"complete": 1}
    assert trial.run_id != run_id
    reused = {node for node, how in told["nodes"].items() if how == {"reused": 1}}
    assert {"ArrowExampleGen", "StatisticsGen", "Transform", "DataGate"} <= reused
    assert {"ran": 1} == told["nodes"]["Trainer"] == told["nodes"]["Evaluator"]
    with database.reading() as connection:
        tags = tags_of(connection, Subject("run", trial.run_id))
    assert tags == {"sweep": str(sweep.id), "trial": "1"}
    folder = Path(config.output.report_folder(trial.run_id))
    report = json.loads((folder / "report.json").read_text())
    worst = report["evaluation"]["worst_slices"][0]["metrics"]["auc"]
    assert trial.objective == pytest.approx(worst, abs=1e-6)
    assert report["pushed_to"] is None
    assert len(trial.curve) == 1
    assert _versions(shared_workspace) == versions


def _at_the_trainer(workspace: Workspace, process: subprocess.Popen[bytes]) -> str:
    """Waits until the trial is in its Trainer; gives its run."""
    database, deadline = open_database(workspace.config().registry), time.monotonic() + 300
    while time.monotonic() < deadline:
        assert process.poll() is None
        found = [one for sweep in list_sweeps(database, 1) for one in trials_of(database, sweep.id)]
        if found and found[0].state == "running":
            log = Path(workspace.config().output.report_folder(found[0].run_id), "run.log")
            if log.is_file() and "Trainer" in log.read_text():
                return found[0].run_id
        time.sleep(0.05)
    raise AssertionError("no trial came to its Trainer")


def _versions(workspace: Workspace) -> int:
    from sqlalchemy import func, select

    from taxiway.registry.database.tables import model_versions

    with open_database(workspace.config().registry).reading() as connection:
        return int(connection.execute(select(func.count(model_versions.c.id))).scalar_one())
