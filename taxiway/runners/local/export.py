"""What `taxiway data` does: calls the model folder's exporter, or looks at what is there."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from taxiway.arrow.ingest import spans
from taxiway.config.data import NamedSpan, SpanWindow
from taxiway.config.schema import Config
from taxiway.errors import ConfigError, DataError
from taxiway.runners.console.terminal import TerminalConsole
from taxiway.runners.preflight import import_named


def export_data(config: Config, as_json: bool = False) -> None:
    """Writes the input spans and prints what was written and what was left out, counted.

    Where the model's folder exports nothing, the data is the user's own: what is there is told.

    Raises:
      ConfigError: `export` of the model's folder does not import; or it exports nothing, and what
        the run would read is not there.
    """
    export = _exporter(config.model.module)
    if export is None:
        _show_own(config, as_json)
        return
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


def _exporter(module: str) -> Callable[..., Any] | None:
    """The function `export` of the module `export` of a model's folder, if it has both."""
    import_named("model.module", module)
    name = f"{module}.export"
    if importlib.util.find_spec(name) is None:
        return None
    return getattr(import_named("model.module", name), "export", None)


def _show_own(config: Config, as_json: bool) -> None:
    """Tells which files of the user's own a run would read now."""
    data = config.data
    last = data.spans.span if isinstance(data.spans, NamedSpan) else None
    length = 1
    if isinstance(data.spans, SpanWindow):
        length, last = data.spans.length, data.spans.end
    try:
        found = spans.resolve(
            data.root, data.pattern, spans.SpanRange(length, last), data.schema_file
        )
    except DataError as error:
        raise ConfigError(
            f"{config.model.module} has no function `export`, and the data is not there to be "
            f"used: {error.message}",
            edit=f"bring files to {data.root}/{data.pattern} (data.root, data.pattern), or write "
            f"`export(config, progress)` in {config.model.module.replace('.', '/')}/export.py",
        ) from error
    files = {span: sum(file.span == span for file in found.files) for span in found.spans}
    console = TerminalConsole(quiet=as_json)
    if as_json:
        console.show_json({"root": data.root, "files": files, "written": []})
        return
    held = f"{len(found.files):,} file{'' if len(found.files) == 1 else 's'}"
    below = f"{len(files):,} span{'' if len(files) == 1 else 's'}"
    console.print(
        f"{data.dataset}: {held} in {below} below {data.root}, used "
        f"as they are ({config.model.module} has no function `export`)",
        soft_wrap=True,
    )


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
