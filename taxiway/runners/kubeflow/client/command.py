"""What `taxiway submit` does: what is asked for, checked; what came of it, printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rich.text import Text

from taxiway.config.schema import Config
from taxiway.errors import EXIT_OK, EXIT_RUN_FAILED, ConfigError
from taxiway.process.extras import needs
from taxiway.runners.console.live import waiting
from taxiway.runners.console.terminal import TerminalConsole
from taxiway.runners.kubeflow.client.schedule import kubeflow_cron
from taxiway.runners.kubeflow.client.submit import Request, Submitted, submit
from taxiway.runners.kubeflow.parameters import as_declared, run_parameters
from taxiway.runners.preflight import check_model
from taxiway.runners.targets import compiled


@dataclasses.dataclass(frozen=True)
class Options:
    """The command line of `taxiway submit`, without the config's part."""

    schedule: str = ""
    parameters: Sequence[str] = ()
    run_name: str = ""
    replace: bool = False
    wait: bool = False
    as_json: bool = False


def submit_pipeline(config: Config, options: Options) -> int:
    """Compiles and submits the pipeline that the config names, and prints where to find it.

    Returns:
      The exit code: 1 where it was waited for a run that failed.

    Raises:
      ConfigError: something asked for cannot be, or a name is in use.
      ServerError: the server refuses, or is not to be reached.
    """
    request = _request(config, options)
    check_model(config)
    console = TerminalConsole(stderr=options.as_json)
    with waiting(console, f"asking {config.kubeflow.endpoint}"):
        with needs("kubeflow", "kfp", "`taxiway submit`"):
            from taxiway.runners.kubeflow.client.connection import connect

        connection = connect(config.kubeflow)
    with waiting(console, "compiling"):
        pipeline_yaml = compiled(config, "kubeflow")
    parameters = as_declared(dict(request.parameters), pipeline_yaml)
    with waiting(console, f"submitting to {connection.endpoint}"):
        submitted = submit(
            config, pipeline_yaml, connection, dataclasses.replace(request, parameters=parameters)
        )
    if not options.as_json:
        _print(console, submitted, connection.server)
    state = ""
    if options.wait:
        from taxiway.runners.kubeflow.client.follow import follow, task_names

        try:
            end = follow(connection, submitted.run_id, task_names(pipeline_yaml), console)
        except KeyboardInterrupt:
            return EXIT_RUN_FAILED
        state = end.state
        if not options.as_json:
            console.print(Text(f"{end.state.lower()}{': ' if end.reason else ''}{end.reason}"))
    if options.as_json:
        known = dataclasses.asdict(submitted) | {"server_version": connection.server_version}
        known |= {"state": state} if state else {}
        TerminalConsole().show_json(known)
    return EXIT_OK if state in ("", "SUCCEEDED") else EXIT_RUN_FAILED


def _request(config: Config, options: Options) -> Request:
    """Everything that can be refused before anything is loaded or asked."""
    if options.schedule and options.wait:
        raise ConfigError(
            "--wait is for one run, and --schedule starts none now: expected one of them",
            edit="the command line",
        )
    if options.replace and not options.schedule:
        raise ConfigError(
            "--replace puts a recurring run in the place of another: expected --schedule with it",
            edit="the command line",
        )
    return Request(
        parameters=run_parameters(config, options.parameters),
        run_name=options.run_name,
        cron=kubeflow_cron(options.schedule) if options.schedule else "",
        replace=options.replace,
    )


def _print(console: TerminalConsole, submitted: Submitted, server: str) -> None:
    """Where to find what was submitted, and which server has it."""
    version = (
        submitted.version if submitted.uploaded else f"{submitted.version} (was there already)"
    )
    lines = [
        ("server", f"Kubeflow Pipelines {server}"),
        ("pipeline", submitted.pipeline),
        ("version", version),
        ("experiment", submitted.experiment),
        ("recurring run", f"{submitted.name} ({submitted.cron}), {submitted.recurring_run_id}")
        if submitted.cron
        else ("run", f"{submitted.name}, {submitted.run_id}"),
        ("link", submitted.url),
    ]
    for label, value in lines:
        console.print(Text(f"{label:<14} {value}"), soft_wrap=True)
