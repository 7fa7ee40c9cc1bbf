"""A sweep from its first trial to its ranked table; what it knows is in the registry at each step.

A trial is on record before its run begins and again when that has ended. So a sweep that was killed
goes on with the trial that it was at, as if nothing had been: those that are done are not repeated.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from taxiway.config.loader import portable, project_digest
from taxiway.config.schema import Config
from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.auth.actor import Actor
from taxiway.registry.auth.current import current_actor
from taxiway.registry.catalog.labels import Subject, change_tags
from taxiway.registry.database.session import Database, open_database
from taxiway.registry.sweeps import (
    DONE,
    Sweep,
    Trial,
    end_sweep,
    trials_of,
    write_trial,
)
from taxiway.runners.local.run import new_run_id
from taxiway.runners.preflight import check
from taxiway.runners.sweep.design import Design
from taxiway.runners.sweep.sampling.samplers import SAMPLERS, Grid, Sampler
from taxiway.runners.sweep.trial import Order, config_of
from taxiway.runners.sweep.trials import Server, server

MOST_CHECKED = 200
"""Combinations of a grid whose configs are made before the first trial."""


class Told(Protocol):
    """Who is told how a sweep goes."""

    def doing(self, trial: Trial, text: str) -> None:
        """Called often: what the trial under way is at."""

    def ended(self, trial: Trial) -> None:
        """Called when a trial has ended."""


def new_sweep(config: Config, design: Design) -> Sweep:
    """A sweep that is not on record yet.

    Args:
      config: of every trial, but for what is tried.
      design: what is asked for.

    Raises:
      ConfigError: a value that is tried cannot be used, or nothing could be run.
    """
    raw = portable(config)
    _sampler(design)
    for given in _samples(design):
        try:
            config_of(raw, given)
        except ConfigError as error:
            tried = ", ".join(f"{key}={value}" for key, value in given.items())
            raise ConfigError(f"with {tried}: {error.message}", edit="--set") from None
    check(config)
    database = open_database(config.registry)
    return Sweep(
        model=config.model.name,
        design_digest=design.digest(raw),
        design=design.to_json(),
        config=raw,
        code_digest=project_digest(config),
        started_by=current_actor(database).name,
    )


def run_sweep(config: Config, sweep: Sweep, design: Design, command: str, told: Told) -> None:
    """Runs trials until there are no more to run.

    Args:
      config: says where the registry is and what runs leave.
      sweep: as the registry has it.
      design: of it, with the caps of today.
      command: the command line, kept with the runs.
      told: is told how it goes.

    Raises:
      TaxiwayError: another process is at this sweep, or it cannot go on.
      KeyboardInterrupt: by Ctrl-C, when the trial under way has ended.
    """
    database = open_database(config.registry)
    folder = Path(config.output.root, "sweeps", str(sweep.id))
    with _alone(folder, sweep.id):
        end_sweep(database, sweep.id, "")
        if not remaining(design, trials_of(database, sweep.id)):
            with server(config.pipeline.module, folder / "server.log") as processes:
                actor = current_actor(database)
                _Work(database, actor, sweep, design, processes, command).all(told)
        end_sweep(database, sweep.id, remaining(design, trials_of(database, sweep.id)))


def remaining(design: Design, trials: list[Trial]) -> str:
    """Why no further trial begins; empty where one may."""
    done = [one for one in trials if one.state in DONE]
    size = _sampler(design).size()
    if size is not None and len(done) >= size:
        return f"all {size} combinations"
    if design.runs is not None and len(done) >= design.runs:
        return f"{design.runs} runs"
    spent = sum(one.seconds for one in trials) / 60
    if design.minutes is not None and spent >= design.minutes:
        return f"{design.minutes:g} minutes"
    return ""


@dataclass(frozen=True)
class _Work:
    """What every step of a sweep needs."""

    database: Database
    actor: Actor
    sweep: Sweep
    design: Design
    server: Server
    command: str

    def all(self, told: Told) -> None:
        """Runs trials until there are no more."""
        while not remaining(self.design, trials := trials_of(self.database, self.sweep.id)):
            trial = self._next(trials)
            self._begin(trial)
            ended = self._run(trial, trials, told)
            write_trial(self.database, self.sweep.id, ended)
            told.ended(ended)
            if ended.state == "interrupted":
                raise KeyboardInterrupt

    def _next(self, trials: list[Trial]) -> Trial:
        """The one that was under way when the sweep ended, or else a new one."""
        open_ = next((one for one in trials if one.state not in DONE), None)
        if open_ is not None:
            return Trial(open_.number, open_.given, new_run_id())
        number = len(trials) + 1
        return Trial(number, _sampler(self.design).propose(number, trials), new_run_id())

    def _begin(self, trial: Trial) -> None:
        write_trial(self.database, self.sweep.id, trial)
        tags = {"sweep": str(self.sweep.id), "trial": str(trial.number)}
        change_tags(self.database, Subject("run", trial.run_id), tags, (), self.actor)

    def _run(self, trial: Trial, trials: list[Trial], told: Told) -> Trial:
        earlier = [one for one in trials if one.state in DONE]
        order = Order(self.sweep.config, self.design.to_json(), trial, self.command, earlier)
        told.doing(trial, "begins")
        started = time.monotonic()
        result = self.server.run(order, lambda text: told.doing(trial, text))
        seconds = round(time.monotonic() - started, 2)
        return replace(trial, **result.__dict__, seconds=seconds)


def _sampler(design: Design) -> Sampler:
    return SAMPLERS[design.sampler](design.space, design.seed, design.objective.higher)


def _samples(design: Design) -> Iterator[Mapping[str, str]]:
    """Values that show whether all that may be tried can be used."""
    sampler = _sampler(design)
    if isinstance(sampler, Grid):
        size = sampler.size() or 0
        for number in range(1, min(size, MOST_CHECKED) + 1):
            yield sampler.propose(number, ())
        return
    first = {key: one.ends[0] for key, one in design.space.dimensions.items()}
    for key, one in design.space.dimensions.items():
        for value in one.ends:
            yield {**first, key: value}


@contextmanager
def _alone(folder: Path, sweep_id: int) -> Iterator[None]:
    """Holds the sweep's lock, which the kernel drops when this process ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise TaxiwayError(f"cannot write {folder}: {error.strerror}", edit="output.root") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TaxiwayError(
                f"another process is at sweep {sweep_id}", edit="wait for it, or end it"
            ) from None
        yield
