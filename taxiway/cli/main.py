"""The command line, `taxiway`: commands read options and call; nothing heavy is imported here."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from taxiway.errors import EXIT_OK, ConfigError, TaxiwayError, did_you_mean

app = typer.Typer(
    name="taxiway",
    help="A production TFX pipeline, from data to a pushed model.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help is there in a third of the time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--config", "-c", help="YAML overlay, or a name in configs/. Repeatable, later wins."
    ),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", help="key.path=value. Repeatable, wins over files."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
PipelineName = Annotated[str, typer.Argument(help="Which pipeline.")]
PIPELINES = ("training",)


@app.command()
def data(
    config: ConfigFiles = None, assignments: Assignments = None, as_json: AsJson = False
) -> None:
    """Export the example's spans."""
    from taxiway.cli.data import export_data
    from taxiway.config.loader import load_config

    export_data(load_config(config or (), assignments or ()), as_json)


@app.command()
def run(
    pipeline: PipelineName = "training",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Run a pipeline on this machine."""
    _check_pipeline(pipeline)
    from taxiway.config.loader import load_config
    from taxiway.runners.local.run import run_training

    resolved = load_config(config or (), assignments or ())
    raise typer.Exit(run_training(resolved, _command_line(), as_json))


@app.command(name="compile")
def compile_(
    pipeline: PipelineName = "training",
    target: Annotated[str, typer.Option(help="What to compile to: ir, kubeflow or vertex.")] = "ir",
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path(
        "pipeline.json"
    ),
    config: ConfigFiles = None,
    assignments: Assignments = None,
) -> None:
    """Compile a pipeline to a file."""
    _check_pipeline(pipeline)
    from taxiway.config.loader import load_config
    from taxiway.runners.targets import COMPILERS, OVERLAYS, compile_to_file

    if target not in COMPILERS:
        raise ConfigError(
            f"--target: unknown target '{target}'{did_you_mean(target, COMPILERS)} "
            f"(known: {', '.join(COMPILERS)})",
            edit="--target",
        )
    resolved = load_config(config or OVERLAYS[target], assignments or ())
    compile_to_file(resolved, target, output)
    typer.echo(f"wrote {output}")


@app.command()
def submit(
    pipeline: PipelineName = "training",
    schedule: Annotated[
        str, typer.Option(help="Run again and again: cron, such as '0 6 * * 1' (UTC).")
    ] = "",
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value. Repeatable.")
    ] = None,
    run_name: Annotated[str, typer.Option(help="Name of the run, or of the schedule.")] = "",
    replace: Annotated[
        bool, typer.Option(help="Put the schedule in the place of its namesake.")
    ] = (False),
    wait: Annotated[bool, typer.Option(help="Follow the run to its end.")] = False,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Submit a pipeline to Kubeflow Pipelines."""
    _check_pipeline(pipeline)
    from taxiway.cli.submit import Options, submit_training
    from taxiway.config.loader import load_config
    from taxiway.runners.targets import OVERLAYS

    resolved = load_config(config or OVERLAYS["kubeflow"], assignments or ())
    options = Options(schedule, parameter or (), run_name, replace, wait, as_json)
    raise typer.Exit(submit_training(resolved, options))


def main() -> None:
    """The `taxiway` program: runs a command and turns known failures into a few lines."""
    try:
        app()
    except TaxiwayError as error:
        typer.secho(
            f"error: {error}", err=True, fg=typer.colors.RED if sys.stderr.isatty() else None
        )
        sys.exit(error.exit_code)
    sys.exit(EXIT_OK)


def _check_pipeline(name: str) -> None:
    if name not in PIPELINES:
        raise ConfigError(
            f"no pipeline is named '{name}'{did_you_mean(name, PIPELINES)} "
            f"(known: {', '.join(PIPELINES)})",
            edit="the command line",
        )


def _command_line() -> str:
    return shlex.join(["taxiway", *sys.argv[1:]])


if __name__ == "__main__":
    main()
