"""A sweep whose trials are pretended: real registry, real order of things, no run.

As a program of tests/killed.py it goes to its end, or until it is killed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.registry.database.session import open_database
from taxiway.registry.sweeps import Sweep, Trial, begin_sweep, trials_of, unfinished_sweep
from taxiway.runners.sweep import sweep as module
from taxiway.runners.sweep.design import Design, objective_of
from taxiway.runners.sweep.sampling.samplers import Kind
from taxiway.runners.sweep.sampling.space import parse_space
from taxiway.runners.sweep.trial import Order, Result
from tests.conftest import TINY

RATE = "model.hyperparameters.learning_rate"
DROPOUT = "model.hyperparameters.dropout"
GRID = (f"{RATE}=0.01,0.001,0.1", f"{DROPOUT}=0.0,0.2")
NODES = {"ArrowExampleGen": "cached", "Trainer": "complete"}
Answer = Callable[[Order], Result]


def answer(order: Order) -> Result:
    """Best at a rate of 0.01, without dropout."""
    given = order.trial.given
    worse = abs(float(given[RATE]) - 0.01) + float(given.get(DROPOUT, 0.0))
    curve = [0.5, 0.9 - worse]
    return Result("complete", "", 0.9 - worse, curve, NODES, {"auc": 0.9 - worse})


class Server:
    """In place of the process that trials are forked from."""

    def __init__(self, answers: Answer) -> None:
        self._answers = answers
        self.orders: list[Order] = []

    def run(self, order: Order, tell: Callable[[str], None]) -> Result:
        self.orders.append(order)
        tell("Trainer")
        return self._answers(order)


class Heard:
    """Whoever is told how it goes."""

    def __init__(self) -> None:
        self.trials: list[Trial] = []

    def doing(self, trial: Trial, text: str) -> None:
        """Nothing."""

    def ended(self, trial: Trial) -> None:
        self.trials.append(trial)


def config_at(root: Path) -> Config:
    """The tiny config; there is a folder for data, and none in it."""
    Path(root, "data", "tiny").mkdir(parents=True, exist_ok=True)
    return load_config([TINY], [f"output.root={root}"])


def designed(config: Config, *tried: str, sampler: Kind = "grid", **options: Any) -> Design:
    """A sweep ranked by AUC."""
    return Design(parse_space(tried), sampler, objective_of(config), **options)


@contextmanager
def pretending(answers: Answer = answer) -> Iterator[Server]:
    """Within it, trials are answered by a function."""
    pretended = Server(answers)

    @contextmanager
    def server(pipeline: str, log: Path) -> Iterator[Server]:
        del pipeline, log
        yield pretended

    with mock.patch.object(module, "server", server):
        yield pretended


def swept(config: Config, design: Design, answers: Answer = answer) -> tuple[Sweep, Server]:
    """Goes on with the sweep of this design that has not ended, or begins one."""
    begun = module.new_sweep(config, design)
    database = open_database(config.registry)
    found = unfinished_sweep(database, begun.design_digest) or begin_sweep(database, begun)
    with pretending(answers) as server:
        module.run_sweep(config, found, design, "taxiway sweep", Heard())
    return found, server


def trials(config: Config, sweep: Sweep) -> list[Trial]:
    """On record."""
    return trials_of(open_database(config.registry), sweep.id)


def program(root: str) -> None:
    """For tests/killed.py: the whole grid, or what is left of it."""
    config = config_at(Path(root))
    swept(config, designed(config, *GRID))


def suicide(order: Order) -> Result:
    """For a trial in whose middle the sweep is killed."""
    del order
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError
