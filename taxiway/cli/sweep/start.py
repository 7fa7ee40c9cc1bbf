"""`taxiway sweep` itself: begins a sweep, or goes on with one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from taxiway.cli.options import AsJson, ConfigFiles, command_line, resolve
from taxiway.errors import EXIT_OK, EXIT_RUN_FAILED, ConfigError

if TYPE_CHECKING:
    from taxiway.config.schema import Config
    from taxiway.registry.sweeps import Sweep
    from taxiway.runners.sweep.design import Design
    from taxiway.runners.sweep.sampling.samplers import Kind

Tried = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        help="key.path=value,value for choices, =low..high or =log:low..high for a range, =value "
        "for every run. Repeatable.",
    ),
]
_UNSET: Final = 0


def sweep(
    context: typer.Context,
    config: ConfigFiles = None,
    tried: Tried = None,
    pipeline: Annotated[
        str, typer.Option(help="A file in pipelines/; without it the config's pipeline.module.")
    ] = "",
    random: Annotated[
        int, typer.Option("--random", min=0, help="So many runs with values at random.")
    ] = _UNSET,
    tpe: Annotated[
        int,
        typer.Option(
            "--tpe",
            min=0,
            help="So many runs, each with values by the runs before it (Optuna's TPE); one that "
            "falls behind early is stopped.",
        ),
    ] = _UNSET,
    seed: Annotated[int, typer.Option(help="Of what is left to chance.")] = 0,
    runs: Annotated[int | None, typer.Option(min=1, help="At most so many runs.")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.0, help="No run begins after so many minutes of runs.")
    ] = None,
    metric: Annotated[
        str, typer.Option(help="Rank by it; without it by the one that slices are ranked by.")
    ] = "",
    slice_name: Annotated[
        str, typer.Option("--slice", help="On this slice, such as region=west, or the `worst`.")
    ] = "",
    highest: Annotated[
        bool | None,
        typer.Option("--highest/--lowest", help="Which is best, where the metric does not say."),
    ] = None,
    push: Annotated[
        bool, typer.Option("--push", help="Push and register what is blessed, as other runs do.")
    ] = False,
    resume: Annotated[
        int | None,
        typer.Option(
            help="Go on with the sweep of this number, as it was asked for; --config and --set say "
            "only where its registry is."
        ),
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Begin anew though the same one is unfinished.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the pipeline with other values of some keys, and rank the runs.

    \b
    taxiway sweep -s model.hyperparameters.learning_rate=1e-2,1e-3
    taxiway sweep -s model.hyperparameters.dropout=0.0..0.5 --random 20
    taxiway sweep -s model.hyperparameters.l2=log:1e-6..1e-2 --tpe 30 --slice worst
    """
    if context.invoked_subcommand is not None:
        return
    caps = (runs, minutes)
    if resume is not None:
        raise typer.Exit(_go_on(resolve(config, tried), resume, caps, as_json))
    from taxiway.runners.sweep.design import Design, objective_of
    from taxiway.runners.sweep.sampling.space import parse_space

    kind, count = _sampler(random, tpe)
    space = parse_space(tried or [])
    fixed = [f"{key}={value}" for key, value in space.fixed.items()]
    resolved = resolve(config, fixed, pipeline)
    design = Design(
        space=space,
        sampler=kind,
        objective=objective_of(resolved, metric, slice_name, highest),
        runs=min((one for one in (count, runs) if one), default=None),
        minutes=minutes,
        seed=seed,
        push=push,
        options=(*([pipeline] if pipeline else []), *(f"--config={one}" for one in config or ())),
    )
    raise typer.Exit(_run(resolved, design, new, as_json))


def _sampler(random: int, tpe: int) -> tuple[Kind, int | None]:
    if random and tpe:
        raise ConfigError(
            "--random and --tpe are two ways to choose; give one", edit="the command line"
        )
    if random:
        return "random", random
    return ("tpe", tpe) if tpe else ("grid", None)


def _run(config: Config, design: Design, new: bool, as_json: bool) -> int:
    """Begins a sweep, or goes on with the same one where that has not ended."""
    from taxiway.registry.database.session import open_database
    from taxiway.registry.sweeps import trials_of, unfinished_sweep
    from taxiway.runners.sweep.sweep import new_sweep

    begun = new_sweep(config, design)
    database = open_database(config.registry)
    found = None if new else unfinished_sweep(database, begun.design_digest)
    if found is not None and _goes_on(found, len(trials_of(database, found.id))):
        begun = found
    return _at_work(config, begun, design, as_json)


def _go_on(
    config: Config, number: int, caps: tuple[int | None, float | None], as_json: bool
) -> int:
    from dataclasses import replace

    from taxiway.config.loader import resolve_config
    from taxiway.registry.database.session import open_database
    from taxiway.registry.sweeps import read_sweep
    from taxiway.runners.sweep.design import Design

    found = read_sweep(open_database(config.registry), number)
    design = Design.from_json(found.design)
    runs, minutes = caps
    if runs is not None:
        design = replace(design, runs=runs)
    if minutes is not None:
        design = replace(design, minutes=minutes)
    return _at_work(resolve_config(found.config), found, design, as_json)


def _goes_on(found: Sweep, trials: int) -> bool:
    """Whether to go on with a sweep that was not ended; without a terminal nobody is asked."""
    told = f"sweep {found.id} of this very command has not ended ({trials} trials begun)"
    if sys.stdin.isatty() and sys.stderr.isatty():
        return typer.confirm(f"{told}; go on with it?", default=True, err=True)
    typer.echo(f"{told}: going on with it; --new begins another", err=True)
    return True


def _at_work(config: Config, sweep: Sweep, design: Design, as_json: bool) -> int:
    from taxiway.cli.sweep.printing import Watching, print_sweep
    from taxiway.config.loader import project_digest
    from taxiway.registry.database.session import open_database
    from taxiway.registry.sweeps import begin_sweep, read_sweep, trials_of
    from taxiway.runners.sweep.sweep import run_sweep

    if project_digest(config) != sweep.code_digest:
        typer.echo(
            f"the code has changed since sweep {sweep.id} began: its trials may not compare",
            err=True,
        )
    database = open_database(config.registry)
    sweep = sweep if sweep.id else begin_sweep(database, sweep)
    interrupted = False
    try:
        with Watching(sweep, design, quiet=as_json) as told:
            run_sweep(config, sweep, design, command_line(), told)
    except KeyboardInterrupt:
        interrupted = True
    trials = trials_of(database, sweep.id)
    print_sweep(read_sweep(database, sweep.id), design, trials, as_json)
    if interrupted:
        typer.echo(f"interrupted; `taxiway sweep --resume {sweep.id}` goes on", err=True)
    good = any(one.state in ("complete", "pruned") for one in trials)
    return EXIT_OK if good and not interrupted else EXIT_RUN_FAILED
