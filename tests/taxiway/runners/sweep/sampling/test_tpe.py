"""Optuna's sampler and pruner: by the seed and the trials before, nothing else."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

from taxiway.errors import ConfigError
from taxiway.registry.sweeps import Trial
from taxiway.runners.sweep.sampling.samplers import SAMPLERS
from taxiway.runners.sweep.sampling.space import parse_space
from taxiway.runners.sweep.sampling.tpe import STARTUP, WARM_UP, Tpe

SPACE = parse_space(["a=0.0..1.0", "n=1..9", "word=x,y"])


def searched(seed: int, runs: int, higher: bool = True) -> list[Trial]:
    """Trials that are best at a = 0.7."""
    sampler, trials = Tpe(SPACE, seed, higher), list[Trial]()
    for number in range(1, runs + 1):
        given = sampler.propose(number, trials)
        loss = abs(float(given["a"]) - 0.7)
        trials.append(Trial(number, given, "", "complete", -loss if higher else loss))
    return trials


def test_later_trials_are_near_the_best_whichever_way_is_better() -> None:
    for higher in (True, False):
        near = [0.0] * 25
        for seed in range(4):
            trials = searched(seed, len(near), higher)
            near = [
                sum_ + abs(float(one.given["a"]) - 0.7)
                for sum_, one in zip(near, trials, strict=True)
            ]
        assert sum(near[-8:]) < 0.7 * sum(near[:8])
        assert all(one.given["n"] in "123456789" and one.given["word"] in "xy" for one in trials)


def test_a_search_that_is_taken_up_again_goes_the_same_way() -> None:
    whole = searched(5, 12)
    again = Tpe(SPACE, 5, True)
    assert again.propose(9, whole[:8]) == whole[8].given
    assert Tpe(SPACE, 6, True).propose(9, whole[:8]) != whole[8].given


def test_failed_and_pruned_trials_are_told_and_do_no_harm() -> None:
    odd = [
        Trial(1, {"a": "0.5", "n": "3", "word": "x"}, "", "failed"),
        Trial(2, {"a": "0.2", "n": "3", "word": "y"}, "", "pruned", None, [0.1, 0.1, 0.2]),
    ]
    assert set(Tpe(SPACE, 0, True).propose(3, odd)) == {"a", "n", "word"}


def test_a_trial_is_pruned_where_it_is_worse_than_the_median_after_some_epochs() -> None:
    given = {"a": "0.5", "n": "3", "word": "x"}
    earlier = [
        Trial(number, given, "", "complete", 0.8, [0.6, 0.7, 0.8, 0.8])
        for number in range(1, STARTUP + 1)
    ]
    prune = Tpe(SPACE, 0, True).pruner(given, earlier)
    told = [prune(epoch, 0.3) for epoch in range(4)]
    assert told[:WARM_UP] == ["", ""]
    assert told[WARM_UP] == (
        f"after epoch {WARM_UP + 1} its best is worse than the median of {STARTUP} earlier trials"
    )
    good = Tpe(SPACE, 0, True).pruner(given, earlier)
    assert [good(epoch, 0.9) for epoch in range(4)] == [""] * 4
    few = Tpe(SPACE, 0, True).pruner(given, earlier[1:])
    assert [few(epoch, 0.3) for epoch in range(4)] == [""] * 4


def test_a_lower_loss_is_not_pruned_where_lower_is_better() -> None:
    given = {"a": "0.5", "n": "3", "word": "x"}
    earlier = [Trial(one, given, "", "complete", 0.4, [0.6, 0.5, 0.4]) for one in range(9)]
    prune = Tpe(SPACE, 0, False).pruner(given, earlier)
    assert [prune(epoch, 0.1) for epoch in range(3)] == [""] * 3
    prune = Tpe(SPACE, 0, False).pruner(given, earlier)
    assert any(prune(epoch, 0.9) for epoch in range(3))


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "optuna":
            raise ModuleNotFoundError(name="optuna")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigError, match="taxiway sweep --tpe needs the package 'optuna'") as told:
        SAMPLERS["tpe"](SPACE, 0, True)
    assert "taxiway[tpe]" in told.value.edit
