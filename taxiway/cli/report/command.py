"""`taxiway report RUN`: the page's path, the page itself, Markdown for a pull request, or JSON."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, resolve
from taxiway.errors import ConfigError, did_you_mean

LATEST: Final = "latest"
PAGE: Final = "report.html"
VALUES: Final = "report.json"
SHOWN: Final = 5


def report(
    run: Annotated[
        str,
        typer.Argument(help="A run's id, the beginning of one, or `latest`."),
    ] = LATEST,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print what a pull request shows.")
    ] = False,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Say where a run's report is; or open it, or print it as Markdown or JSON."""
    if open_ + markdown + as_json > 1:
        raise ConfigError(
            "--open, --markdown and --json are each an answer of its own, got more than one",
            edit="--open, --markdown or --json",
        )
    folder = find_report(Path(resolve(config, assignments).output.report_folder(".")), run)
    page = folder / PAGE
    if markdown:
        from taxiway.cli.report.markdown import as_markdown

        typer.echo(as_markdown(read_report(folder)), nl=False)
    elif as_json:
        typer.echo(json.dumps(read_report(folder), indent=2, ensure_ascii=False))
    elif open_:
        if not webbrowser.open(page.resolve().as_uri()):
            raise ConfigError(f"no browser could be started for {page}", edit="--open")
    else:
        typer.echo(str(page))


def find_report(reports: Path, run: str) -> Path:
    """The folder of a run that has a report.

    Args:
      reports: the folder of all runs' folders.
      run: an id, the beginning of just one, or `latest`.

    Raises:
      ConfigError: there is no such run, more than one, or none at all; with those that there are.
    """
    found = {path.parent.name: path.parent for path in reports.glob(f"*/{VALUES}")}
    newest = sorted(found, key=lambda name: (found[name] / VALUES).stat().st_mtime, reverse=True)
    if not newest:
        raise ConfigError(
            f"no run has a report below {reports}", edit="output.root, or make the first run"
        )
    if run == LATEST:
        return found[newest[0]]
    if run in found:
        return found[run]
    meant = [name for name in newest if run and name.startswith(run)]
    if len(meant) == 1:
        return found[meant[0]]
    listed = ", ".join([*(meant or newest)[:SHOWN], *["..."] * (len(meant or newest) > SHOWN)])
    if meant:
        raise ConfigError(f"'{run}' begins {len(meant)} runs: {listed}", edit="RUN: more digits")
    raise ConfigError(
        f"no run '{run}' has a report{did_you_mean(run, newest)} (there is, newest first: "
        f"{listed})",
        edit=f"RUN: an id, the beginning of one, or {LATEST}",
    )


def read_report(folder: Path) -> dict[str, Any]:
    """The values of a report.

    Raises:
      ConfigError: they cannot be read.
    """
    path = folder / VALUES
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", edit=str(path)) from None
    if not isinstance(read, dict):
        raise ConfigError(f"{path} holds no report", edit=str(path))
    return read
