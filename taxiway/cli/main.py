"""The command line, `taxiway`: one module per command, nothing heavy imported before one runs."""

from __future__ import annotations

import sys

import typer

from taxiway.cli import (
    audit,
    auth,
    clean,
    config,
    data,
    deploy,
    doctor,
    experiment,
    lineage,
    log,
    models,
    new,
    outbox,
    remove,
    report,
    rollout,
    run,
    runs,
    serve,
    submit,
    sweep,
    tracking,
    ui,
    upgrade,
)
from taxiway.cli import compile as compile_command
from taxiway.errors import EXIT_OK, TaxiwayError
from taxiway.process.project import enter_project
from taxiway.terminal import print_error

app = typer.Typer(
    name="taxiway",
    help="A production TFX pipeline, from data to a pushed model.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help is there in a third of the time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(data.data)
app.command()(run.run)
app.command(name="compile")(compile_command.compile_)
app.command()(submit.submit)
app.command()(deploy.deploy)
app.command()(serve.serve)
app.command()(ui.ui)
app.command()(lineage.lineage)
app.command()(clean.clean)
app.command()(report.report)
app.command()(doctor.doctor)
app.command()(tracking.mlflow)
app.command()(tracking.tensorboard)
app.command()(upgrade.upgrade)
app.add_typer(config.app, name="config")
app.add_typer(audit.app, name="audit")
app.add_typer(auth.app, name="auth")
app.add_typer(experiment.app, name="experiment")
app.add_typer(log.app, name="log")
app.add_typer(models.app, name="models")
app.add_typer(new.app, name="new")
app.add_typer(outbox.app, name="outbox")
app.add_typer(remove.app, name="remove")
app.add_typer(rollout.app, name="rollout")
app.add_typer(runs.app, name="runs")
app.add_typer(sweep.app, name="sweep")


def main() -> None:
    """The `taxiway` program: runs a command and turns known failures into a few lines."""
    enter_project()
    try:
        app()
    except TaxiwayError as error:
        print_error(f"error: {error}")
        sys.exit(error.exit_code)
    sys.exit(EXIT_OK)


if __name__ == "__main__":
    main()
