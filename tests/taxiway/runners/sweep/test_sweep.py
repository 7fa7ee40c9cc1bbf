"""A sweep from one trial to the next: what is on record, what is repeated, when it ends."""

from __future__ import annotations

import fcntl
import itertools
from pathlib import Path

import pytest

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.catalog.labels import Subject, tags_of
from taxiway.registry.database.session import open_database
from taxiway.registry.sweeps import read_sweep
from taxiway.runners.sweep import ranking
from taxiway.runners.sweep.sweep import new_sweep
from taxiway.runners.sweep.trial import Order, Result
from tests.killed import KILLED, killer
from tests.taxiway.runners.sweep.pretended import (
    DROPOUT,
    GRID,
    RATE,
    answer,
    config_at,
    designed,
    swept,
    trials,
)


def test_every_combination_is_a_run_with_the_tags_of_its_sweep(tmp_path: Path) -> None:
    config = config_at(tmp_path)
    sweep, server = swept(config, designed(config, *GRID))
    found = trials(config, sweep)
    assert [one.number for one in found] == [1, 2, 3, 4, 5, 6]
    assert {one.state for one in found} == {"complete"}
    assert len({one.run_id for one in found}) == 6
    assert [order.trial.run_id for order in server.orders] == [one.run_id for one in found]
    database = open_database(config.registry)
    with database.reading() as connection:
        assert tags_of(connection, Subject("run", found[2].run_id)) == {
            "sweep": str(sweep.id),
            "trial": "3",
        }
    assert read_sweep(database, sweep.id).ending == "all 6 combinations"


def test_a_sweep_that_was_killed_goes_on_and_repeats_nothing_that_was_done(tmp_path: Path) -> None:
    whole = config_at(tmp_path / "whole")
    expected = [
        (one.given, one.objective) for one in trials(whole, swept(whole, designed(whole, *GRID))[0])
    ]
    with killer("tests.taxiway.runners.sweep.pretended:program") as sweeps:
        steps = sweeps.run(tmp_path / "counted", str(tmp_path / "counted")).steps
        for kill_at in range(3, steps, max(1, steps // 8)):
            root = tmp_path / f"killed-{kill_at}"
            assert sweeps.run(root, str(root), kill_at=kill_at).code == KILLED
            config = config_at(root)
            design = designed(config, *GRID)
            before = _done(config, design)
            sweep, server = swept(config, design)
            found = trials(config, sweep)
            assert [(one.given, one.objective) for one in found] == expected
            assert {one.run_id for one in before} <= {one.run_id for one in found}
            assert len(server.orders) == 6 - len(before)


def _done(config: object, design: object) -> list[object]:
    from taxiway.config.schema import Config
    from taxiway.registry.sweeps import DONE, list_sweeps

    assert isinstance(config, Config)
    return [
        trial
        for sweep in list_sweeps(open_database(config.registry))
        for trial in trials(config, sweep)
        if trial.state in DONE
    ]


def test_tpe_is_told_of_the_trials_before_it_and_goes_the_same_way_after_a_break(
    tmp_path: Path,
) -> None:
    tried = (f"{RATE}=log:1e-4..1e-1",)
    whole, broken = config_at(tmp_path / "whole"), config_at(tmp_path / "broken")
    design = designed(whole, *tried, sampler="tpe", runs=8)
    sweep, server = swept(whole, design)
    assert [len(order.earlier) for order in server.orders] == list(range(8))
    count = itertools.count(1)

    def interrupts(order: Order) -> Result:
        if next(count) == 6:
            return Result("interrupted", "Trainer: interrupted")
        return answer(order)

    with pytest.raises(KeyboardInterrupt):
        swept(broken, design, interrupts)
    again, server = swept(broken, design)
    assert [order.trial.number for order in server.orders] == [6, 7, 8]
    assert [one.given for one in trials(broken, again)] == [
        one.given for one in trials(whole, sweep)
    ]


def test_a_trial_that_fails_costs_itself_only_and_is_told_with_its_reason(tmp_path: Path) -> None:
    config = config_at(tmp_path)

    def fails(order: Order) -> Result:
        ends = {
            2: Result("failed", "its process died: SIGKILL"),
            3: Result("pruned", "after epoch 3 ...", None, [0.1], {"Trainer": "failed"}),
        }
        return ends.get(order.trial.number) or answer(order)

    design = designed(config, *GRID)
    sweep, _ = swept(config, design, fails)
    found = trials(config, sweep)
    told = ranking.as_json(read_sweep(open_database(config.registry), sweep.id), design, found)
    assert told["counts"] == {"complete": 4, "failed": 1, "pruned": 1}
    assert sum(told["counts"].values()) == len(told["trials"]) == 6
    assert [one["rank"] for one in told["trials"]] == [1, 2, 3, 4, None, None]
    assert [one["reason"] for one in told["trials"]][4:] == [
        "its process died: SIGKILL",
        "after epoch 3 ...",
    ]
    assert told["trials"][0]["given"] == {RATE: "0.01", DROPOUT: "0.0"}
    assert told["nodes"] == {"ArrowExampleGen": {"reused": 4}, "Trainer": {"ran": 4, "pruned": 1}}
    assert ranking.counts_text(found) == "6 trials: 4 complete, 1 failed, 1 pruned"
    assert ranking.shared_text(found) == ["reused 4: ArrowExampleGen", "ran 4, pruned 1: Trainer"]
    assert ranking.best_command(design, found) == (
        f"taxiway run --set {RATE}=0.01 --set {DROPOUT}=0.0"
    )


def test_no_trial_begins_after_the_caps_and_a_higher_one_opens_the_sweep_again(
    tmp_path: Path,
) -> None:
    config = config_at(tmp_path)
    sweep, server = swept(config, designed(config, *GRID, runs=2))
    assert len(server.orders) == 2
    assert read_sweep(open_database(config.registry), sweep.id).ending == "2 runs"
    _, server = swept(config, designed(config, *GRID, minutes=0.0))
    assert not server.orders
    from taxiway.runners.sweep.sweep import run_sweep
    from tests.taxiway.runners.sweep.pretended import Heard, pretending

    with pretending() as server:
        run_sweep(config, sweep, designed(config, *GRID, runs=5), "taxiway sweep", Heard())
    assert [order.trial.number for order in server.orders] == [3, 4, 5]


def test_two_processes_are_never_at_one_sweep(tmp_path: Path) -> None:
    config = config_at(tmp_path)
    folder = tmp_path / "sweeps" / "1"
    folder.mkdir(parents=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(TaxiwayError, match="another process is at sweep 1"):
            swept(config, designed(config, *GRID))


def test_a_value_that_cannot_be_used_is_refused_before_anything_is_run(tmp_path: Path) -> None:
    config = config_at(tmp_path)
    for tried in (f"{DROPOUT}=0.1,1.5", "model.hyperparameters.dropuot=1,2"):
        with pytest.raises(ConfigError, match=r"with model\.hyperparameters\.drop"):
            new_sweep(config, designed(config, tried))
    with pytest.raises(ConfigError, match="dropout"):
        new_sweep(config, designed(config, f"{DROPOUT}=0.1..1.5", sampler="random", runs=3))
    assert not (tmp_path / "registry.sqlite").exists()
