"""What `taxiway sweep` prints: a line for each trial, and in the end the trials ranked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType

import typer
from rich.spinner import Spinner
from rich.text import Text

from taxiway.cli.table import print_table, table_console
from taxiway.registry.sweeps import Sweep, Trial
from taxiway.runners.console.live import live
from taxiway.runners.console.terminal import TerminalConsole
from taxiway.runners.sweep import ranking
from taxiway.runners.sweep.design import Design
from taxiway.runners.sweep.sampling.samplers import SAMPLERS
from taxiway.terminal import one_line


class Watching:
    """Prints how a sweep goes: what is under way on a terminal, what has ended everywhere.

    Args:
      sweep: that goes.
      design: of it.
      quiet: print nothing.
    """

    def __init__(self, sweep: Sweep, design: Design, quiet: bool) -> None:
        self._console = TerminalConsole(quiet=quiet)
        self._design = design
        self._short = ranking.short_keys(list(design.space.dimensions))
        self._spinner = Spinner("dots", text=Text("loading TensorFlow and TFX"), style="cyan")
        self._open = ExitStack()
        self._say(f"sweep {sweep.id}: {_asked(design)}, ranked by {design.objective.text}")

    def __enter__(self) -> Watching:
        self._open.enter_context(live(self._console, self._spinner, transient=True))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def doing(self, trial: Trial, text: str) -> None:
        """See `taxiway.runners.sweep.sweep.Told`."""
        self._spinner.update(text=Text(f"trial {trial.number}: {one_line(text)}"))

    def ended(self, trial: Trial) -> None:
        """See `taxiway.runners.sweep.sweep.Told`."""
        given = " ".join(f"{self._short[key]}={value}" for key, value in trial.given.items())
        told = trial.state if trial.objective is None else f"{trial.objective:.6g}"
        why = f": {trial.reason.splitlines()[0]}" if trial.reason else ""
        self._say(f"trial {trial.number}  {given}  {told}  {trial.seconds:.1f} s{why}")

    def _say(self, text: str) -> None:
        self._console.print(Text(one_line(text)), soft_wrap=True)


def print_sweep(sweep: Sweep, design: Design, trials: Sequence[Trial], as_json: bool) -> None:
    """Prints the ranked table of a sweep, what has no rank, and what its runs have shared."""
    if as_json:
        typer.echo(json.dumps(ranking.as_json(sweep, design, trials), indent=2))
        return
    short = ranking.short_keys(list(design.space.dimensions))
    best = ranking.ranked(design, trials)
    if best:
        print_table(
            ("rank", design.objective.text, *short.values(), "trial", "run", "seconds", "note"),
            [
                (str(rank), f"{one.objective:.6g}", *_cells(one, short))
                for rank, one in enumerate(best, start=1)
            ],
            right=("rank", "seconds"),
        )
    others = [one for one in trials if one not in best]
    if others:
        print_table(
            ("not ranked", *short.values(), "trial", "run", "seconds", "why"),
            [(one.state, *_cells(one, short)) for one in others],
            right=("seconds",),
        )
    ending = f"ended: {sweep.ending}" if sweep.ending else "not ended"
    lines = [f"sweep {sweep.id}: {ranking.counts_text(trials)}; {ending}"]
    lines += [f"  {one}" for one in ranking.shared_text(trials)]
    command = ranking.best_command(design, trials)
    lines += [f"the best again, and on to a push: {command}"] if command else []
    console = table_console()
    for line in lines:
        console.print(Text(one_line(line)), soft_wrap=True)


def _asked(design: Design) -> str:
    size = SAMPLERS[design.sampler](design.space, design.seed, design.objective.higher).size()
    ends = [
        f"{design.runs} runs at most" if design.runs is not None else "",
        f"{design.minutes:g} minutes at most" if design.minutes is not None else "",
    ]
    how = f"a grid of {size}" if size is not None else f"{design.sampler}, seed {design.seed}"
    return ", ".join([how, *filter(None, ends)])


def _cells(trial: Trial, keys: Mapping[str, str]) -> tuple[str, ...]:
    given = (trial.given.get(key, "") for key in keys)
    reason = (trial.reason.splitlines() or [""])[0]
    return (*given, str(trial.number), trial.run_id, f"{trial.seconds:.1f}", reason)
