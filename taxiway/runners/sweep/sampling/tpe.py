"""Optuna's tree-structured Parzen estimator, told of every earlier trial each time it is asked.

Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NIPS 2011. A trial is pruned where
its best value so far is worse than the median of the earlier ones at the same epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from taxiway.process.extras import needs
from taxiway.registry.sweeps import Trial
from taxiway.runners.sweep.sampling.samplers import Pruner
from taxiway.runners.sweep.sampling.space import Choices, Range, Space

STARTUP: Final = 5
"""Trials at random before the estimator and the pruner have enough to go by."""
WARM_UP: Final = 2
"""Epochs that no trial is judged by."""


class Tpe:
    """Chooses values like those of the better trials, unlike those of the others.

    Args:
      space: what is tried.
      seed: of all that is left to chance.
      higher: whether a higher value is better.

    Raises:
      ConfigError: Optuna is not installed.
    """

    def __init__(self, space: Space, seed: int, higher: bool) -> None:
        with needs("tpe", "optuna", "taxiway sweep --tpe"):
            import optuna
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = optuna
        self._space = space
        self._seed = seed
        self._higher = higher
        self._distributions = {key: self._of(one) for key, one in space.dimensions.items()}

    def size(self) -> int | None:
        """No end."""
        return None

    def propose(self, number: int, earlier: Sequence[Trial]) -> dict[str, str]:
        """Values by the earlier trials; the first ones at random."""
        asked = self._study(self._seed + number, earlier).ask(self._distributions)
        return {
            key: one.text(asked.params[key]) if isinstance(one, Range) else str(asked.params[key])
            for key, one in self._space.dimensions.items()
        }

    def pruner(self, given: Mapping[str, str], earlier: Sequence[Trial]) -> Pruner | None:
        """Compares with the medians of the earlier trials."""
        study = self._study(self._seed, earlier)
        study.enqueue_trial(self._typed(given))
        trial = study.ask(self._distributions)
        curves = [one.curve for one in earlier if one.state == "complete"]

        def prune(epoch: int, value: float) -> str:
            trial.report(value, epoch)
            if not trial.should_prune():
                return ""
            count = sum(len(one) > epoch for one in curves)
            return (
                f"after epoch {epoch + 1} its best is worse than the median of {count} earlier "
                "trials"
            )

        return prune

    def _study(self, seed: int, earlier: Sequence[Trial]) -> Any:
        optuna = self._optuna
        study = optuna.create_study(
            direction="maximize" if self._higher else "minimize",
            sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=WARM_UP),
        )
        study.add_trials([self._told(one) for one in earlier])
        return study

    def _told(self, trial: Trial) -> Any:
        states = self._optuna.trial.TrialState
        state, value = states.FAIL, None
        if trial.state == "complete" and trial.objective is not None:
            state, value = states.COMPLETE, trial.objective
        elif trial.state == "pruned" and trial.curve:
            state = states.PRUNED
        return self._optuna.trial.create_trial(
            state=state,
            value=value,
            params=self._typed(trial.given),
            distributions=self._distributions,
            intermediate_values=dict(enumerate(trial.curve)),
        )

    def _typed(self, given: Mapping[str, str]) -> dict[str, Any]:
        return {
            key: _number(one, given[key]) if isinstance(one, Range) else given[key]
            for key, one in self._space.dimensions.items()
        }

    def _of(self, one: Choices | Range) -> Any:
        kinds = self._optuna.distributions
        if isinstance(one, Choices):
            return kinds.CategoricalDistribution(one.values)
        if one.whole:
            return kinds.IntDistribution(int(one.low), int(one.high), log=one.log)
        return kinds.FloatDistribution(one.low, one.high, log=one.log)


def _number(one: Range, text: str) -> float | int:
    return int(text) if one.whole else float(text)
