"""What `taxiway data` does: calls the model folder's exporter and shows how it goes."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from taxiway.config.schema import Config
from taxiway.errors import ConfigError
from taxiway.runners.console.terminal import TerminalConsole


def export_data(config: Config, as_json: bool = False) -> None:
    """Writes the input spans and prints what was written and what was left out, counted.

    Raises:
      ConfigError: the model's folder has no `export` module with an `export` function.
    """
    name = f"{config.model.module}.export"
    try:
        export = importlib.import_module(name).export
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"{name} does not import, or has no function named export: {error}",
            edit="model.module, or bring your own data to data.root",
        ) from error
    console = TerminalConsole(quiet=as_json)
    columns = (TextColumn("export"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("export", total=None)
        report = export(config, lambda done, total: bar.update(task, completed=done, total=total))
    if as_json:
        console.show_json(dataclasses.asdict(report))
    else:
        for line in _summary(config.data.dataset, report):
            console.print(line, soft_wrap=True)


def _summary(dataset: str, report: Any) -> list[str]:
    """What was written and what was left out, counted; see the exporter's ExportReport."""
    rows, left_out = sum(report.rows.values()), sum(report.left_out.values())
    fresh, same = len(report.written), len(report.up_to_date)
    lines = [
        f"{dataset}: {rows:,} rows in {len(report.rows)} spans below {report.root} "
        f"({fresh} written, {same} up to date)"
    ]
    if left_out:
        lines.append(f"{dataset}: {left_out:,} rows left out, because they have no label")
    return lines
