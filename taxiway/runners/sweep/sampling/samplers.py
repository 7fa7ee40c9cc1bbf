"""How a sweep chooses the values of its next trial: a grid, at random, or by TPE.

Each choice follows from the seed, the number of the trial and the trials before it, so that a sweep
that was killed goes on as it would have gone.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, Protocol

from taxiway.errors import ConfigError
from taxiway.registry.sweeps import Trial
from taxiway.runners.sweep.sampling.space import Choices, Space

Kind = Literal["grid", "random", "tpe"]


class Sampler(Protocol):
    """Chooses."""

    def size(self) -> int | None:
        """How many trials there can be; None where that has no end."""

    def propose(self, number: int, earlier: Sequence[Trial]) -> dict[str, str]:
        """The values of a trial, as YAML by key.

        Args:
          number: of the trial, from 1 on.
          earlier: those that have ended, in their order.
        """

    def pruner(self, given: Mapping[str, str], earlier: Sequence[Trial]) -> Pruner | None:
        """What ends a trial early that is going to be worse; None where nothing does."""


Pruner = Callable[[int, float], str]
"""From an epoch, counted from 0, and its value to why the trial is to end; empty where it goes on.
"""


class Grid:
    """Every combination, the last key first."""

    def __init__(self, space: Space) -> None:
        for key, one in space.dimensions.items():
            if not isinstance(one, Choices):
                raise ConfigError(
                    f"--set {key} is a range, and a grid takes values with commas between them; "
                    "--random N or --tpe N take ranges",
                    edit=f"--set {key}",
                )
        self._values = {
            key: one.values for key, one in space.dimensions.items() if isinstance(one, Choices)
        }

    def size(self) -> int | None:
        """All combinations."""
        return math.prod(map(len, self._values.values()))

    def propose(self, number: int, earlier: Sequence[Trial]) -> dict[str, str]:
        """The combination of this number."""
        del earlier
        combinations = itertools.product(*self._values.values())
        chosen = next(itertools.islice(combinations, number - 1, None))
        return dict(zip(self._values, chosen, strict=True))

    def pruner(self, given: Mapping[str, str], earlier: Sequence[Trial]) -> Pruner | None:
        """Nothing: whoever asks for a grid wants all of it."""
        del given, earlier
        return None


class Random:
    """Each value by itself, with the same chance for all."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._seed = seed

    def size(self) -> int | None:
        """No end."""
        return None

    def propose(self, number: int, earlier: Sequence[Trial]) -> dict[str, str]:
        """The values that the seed gives for this number."""
        del earlier
        chance = random.Random(f"{self._seed} {number}")  # noqa: S311  # nothing secret
        return {key: one.at(chance.random()) for key, one in self._space.dimensions.items()}

    def pruner(self, given: Mapping[str, str], earlier: Sequence[Trial]) -> Pruner | None:
        """Nothing: the trials say how values do on the whole."""
        del given, earlier
        return None


def _grid(space: Space, seed: int, higher: bool) -> Sampler:
    del seed, higher
    return Grid(space)


def _random(space: Space, seed: int, higher: bool) -> Sampler:
    del higher
    return Random(space, seed)


def _tpe(space: Space, seed: int, higher: bool) -> Sampler:
    from taxiway.runners.sweep.sampling.tpe import Tpe

    return Tpe(space, seed, higher)


SAMPLERS: Final[Mapping[Kind, Callable[[Space, int, bool], Sampler]]] = {
    "grid": _grid,
    "random": _random,
    "tpe": _tpe,
}
"""From a space, a seed and whether higher is better, by kind."""
