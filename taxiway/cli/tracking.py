"""`taxiway mlflow` and `taxiway tensorboard`: pages of others' over our runs, on loopback."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Final

import typer

from taxiway.cli.options import Assignments, ConfigFiles, resolve
from taxiway.errors import ConfigError
from taxiway.terminal import one_line

LOOK_SECONDS: Final = 5.0
"""From one look for what has come to the next."""
Open = Annotated[
    bool,
    typer.Option("--open/--no-open", help="Open a browser, where there is a display."),
]


def mlflow(
    open_browser: Open = True, config: ConfigFiles = None, assignments: Assignments = None
) -> None:
    """Serve MLflow over its local store, below output.root, until Ctrl-C.

    With tracking.kind=mlflow it is told what waits for it in the outbox, and each run that ends.
    """
    try:
        from taxiway.process.attended import attend
        from taxiway.tracking.mlflow.post import send_all
        from taxiway.tracking.mlflow.server import address, server
    except ModuleNotFoundError:
        raise _taken_away("mlflow") from None
    resolved = resolve(config, assignments)

    def ready() -> None:
        _tell("MLflow", address(resolved), open_browser)
        if resolved.tracking.kind == "none":
            typer.echo("nothing is mirrored here: tracking.kind is none, and not mlflow")
        _told(send_all(resolved, early=True))

    def look() -> None:
        _told(send_all(resolved, early=False))

    attend(server(resolved), ready, look, LOOK_SECONDS)


def tensorboard(
    port: Annotated[int, typer.Option(min=1, max=65535, help="On loopback.")] = 6006,
    open_browser: Open = True,
    config: ConfigFiles = None,
    assignments: Assignments = None,
) -> None:
    """Show the training curves of all runs in TensorBoard, until Ctrl-C."""
    try:
        from taxiway.process.attended import attend
        from taxiway.tracking.tensorboard import RunLinks, server
    except ModuleNotFoundError:
        raise _taken_away("tensorboard") from None
    resolved = resolve(config, assignments)
    links = RunLinks(resolved)
    there = links.refresh()

    def ready() -> None:
        _tell("TensorBoard", f"http://127.0.0.1:{port}", open_browser)
        typer.echo(
            f"{there:,} run{'' if there == 1 else 's'} with curves; others come by themselves"
        )

    def look() -> None:
        links.refresh()

    attend(server(resolved, port), ready, look, LOOK_SECONDS)


def _tell(name: str, url: str, open_browser: bool) -> None:
    typer.echo(f"{name} at {one_line(url)}; Ctrl-C ends it")
    displays = ("DISPLAY", "WAYLAND_DISPLAY")
    has_display = sys.platform == "darwin" or any(map(os.environ.get, displays))
    if open_browser and has_display and sys.stdout.isatty():
        import webbrowser

        webbrowser.open(url)


def _told(number: int) -> None:
    if number:
        typer.echo(f"{number:,} that waited in the outbox {'is' if number == 1 else 'are'} there")


def _taken_away(command: str) -> ConfigError:
    return ConfigError(
        f"`taxiway {command}` needs taxiway/tracking, which this project has removed",
        edit="taxiway/tracking",
    )
