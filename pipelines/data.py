"""`taxiway data`: calls the model folder's exporter and shows how it goes."""

from __future__ import annotations

import dataclasses
import importlib
import json

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from configs.errors import ConfigError
from configs.schema import Config


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
    console = Console(quiet=as_json)
    columns = (TextColumn("export"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("export", total=None)
        report = export(config, lambda done, total: bar.update(task, completed=done, total=total))
    if as_json:
        print(json.dumps(dataclasses.asdict(report), default=str))  # noqa: T201
    else:
        console.print(str(report), soft_wrap=True, highlight=False)
