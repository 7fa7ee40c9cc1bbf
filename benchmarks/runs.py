"""How long lists, searches and comparisons of many runs take: `make bench-runs`.

A registry with an index of 5,000 runs on SQLite, each with a config of some 120 keys, metrics and
slices; with tags of most and notes of some; and the records of those that are shown and compared.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.table import Table
from sqlalchemy import Connection, insert

from benchmarks.report import console
from benchmarks.startup import fresh
from taxiway.config.loader import load_config
from taxiway.errors import EXIT_OK
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import notes, runs, tags
from taxiway.registry.section import SqliteRegistry
from taxiway.tracking.run_record.files import write_record
from taxiway.tracking.run_record.record import (
    Code,
    Data,
    InputFile,
    Packages,
    RunRecord,
    Slice,
    flattened,
)

RUNS: Final = 5_000
SLICES: Final = 20
FILES: Final = 300
"""Of a project's code, in a record."""
PACKAGES: Final = 250
RECORDED: Final = 3
"""The newest so many have a record.json, as those that are compared do."""
TIMES: Final = 3
"""How often each is done; the table has the median and the slowest."""
PROGRAM: Final = (sys.executable, "-m", "taxiway", "runs")
COMMANDS: Final[tuple[tuple[str, ...], ...]] = (
    ("list",),
    ("list", "--limit", "0"),
    ("list", "wind gust"),
    ("list", "metrics.auc > 0.7 and not tags.owner = ann or 'strong wind'"),
    ("list", "params.model.hyperparameters.learning_rate < 0.01 and outcome = succeeded"),
    ("list", "started_at >= 2026-03", "--sort", "-metrics.auc", "--columns", "run,metrics.auc"),
    ("list", "--json"),
    ("list", "--csv"),
    ("list", "--html", "-"),
    ("best", "--metric", "auc"),
    ("best", "--metric", "auc", "--slice", "carrier=C07"),
    ("show", "latest"),
    ("compare", "latest~1", "latest"),
    ("compare", "latest~2", "latest~1", "latest"),
)
LIMITS: Final = (1.0, 2.0)
"""Seconds in the process and of a whole process, that none may take."""
_START: Final = 1_767_225_600.0
"""2026-01-01, in seconds since the epoch."""


def fill(connection: Connection, folder: Path, number_of_runs: int = RUNS) -> None:
    """Fills a fresh registry, and writes records into folders.

    Args:
      connection: the registry.
      folder: below which the runs' folders are.
      number_of_runs: how many.
    """
    made = random.Random(7)  # noqa: S311  # no secret
    config = flattened(load_config([]).model_dump(mode="json"))
    rows: dict[Any, list[dict[str, Any]]] = {runs: [], tags: [], notes: []}
    for number in range(number_of_runs):
        record = _record(made, config, number)
        place = folder / record.run_id
        rows[runs].append(_row(record, place))
        about = {"subject_kind": "run", "subject": record.run_id}
        if number % 5:
            owner = {"key": "owner", "value": made.choice(("ann", "ben"))}
            rows[tags] += [about | owner, about | {"key": "sweep", "value": f"s{number // 50}"}]
        if number % 20 == 0:
            note = {"text": "Fails in strong wind.", "written_by": "ann"}
            rows[notes].append(about | note | {"written_at": record.started_at})
        if number >= number_of_runs - RECORDED:
            place.mkdir(parents=True)
            write_record(place, record)
    for table, values in rows.items():
        connection.execute(insert(table), values)


def _record(made: random.Random, config: dict[str, Any], number: int) -> RunRecord:
    """A run of a sweep: its own learning rate, and a span more now and then."""
    metrics = ("auc", "auc_precision_recall", "precision", "recall", "calibration", "example_count")
    end = 4 + number // 100
    files = {f"models/flights/file_{one:03}.py": f"{one:064x}" for one in range(FILES)}
    return RunRecord(
        run_id=f"run-{number:05}",
        pipeline="flights-training",
        model="flights",
        version=f"1.0.{number}" if number % 3 == 0 else "",
        command=f"taxiway run --set data.seed={number}" + " # wind gust" * (number % 50 == 0),
        started_at=time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(_START + 3600 * number)),
        seconds=made.uniform(20, 60),
        outcome="failed" if number % 9 == 0 else "succeeded",
        config=config
        | {"model.hyperparameters.learning_rate": made.uniform(1e-4, 1e-1), "data.seed": number},
        features={f"column_{one:02}": "a number, scaled" for one in range(25)},
        code=Code(commit=f"{number:040x}", files=files | {"models/flights/m.py": f"{number:064x}"}),
        packages=Packages(releases={f"package-{one}": "1.2.3" for one in range(PACKAGES)}),
        data=Data(
            spans=f"{end - 3}-{end}",
            files=tuple(
                InputFile(path=f"span-{one}/rows.parquet", span=one, sha256=f"{one:064x}")
                for one in range(end - 3, end + 1)
            ),
        ),
        metrics={name: round(made.uniform(0.5, 0.9), 6) for name in metrics},
        slices=tuple(
            Slice(
                name=f"carrier=C{one:02}",
                metrics={name: round(made.uniform(0.5, 0.9), 6) for name in metrics},
            )
            for one in range(SLICES)
        ),
    )


def _row(record: RunRecord, folder: Path) -> dict[str, Any]:
    """As tracking/collect.py makes it of a record."""
    facts = {"command": record.command, "commit": record.code.commit, "spans": record.data.spans}
    return {
        "run_id": record.run_id,
        "pipeline": record.pipeline,
        "model": record.model,
        "outcome": record.outcome,
        "started_at": record.started_at,
        "seconds": record.seconds,
        "failure": "Trainer: no memory" if record.outcome == "failed" else "",
        "version": record.version,
        "metrics": dict(record.metrics),
        "facts": facts | {"runner": "local", "cost": 0.001, "lacks": []},
        "folder": str(folder),
        "search_text": f"{record.run_id}\n{record.pipeline}\n{record.outcome}\n{record.command}",
        "indexed_at": record.started_at,
        "slices": {one.name: dict(one.metrics) for one in record.slices},
        "params": dict(record.config),
    }


def in_process(words: Sequence[str], times: int = TIMES) -> Iterator[float]:
    """Seconds of a command, each time, in a process that has loaded all that it needs."""
    from typer.main import get_command

    from taxiway.cli.main import app

    command = get_command(app)
    for _ in range(times + 1):
        started = time.perf_counter()
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            command.main(["runs", *words], standalone_mode=False)
        yield time.perf_counter() - started


def _of_children() -> float:
    """CPU seconds of all child processes so far, to which other work adds nothing."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Fills a registry, measures, and prints the table; 1 where one took too long."""
    table = Table(box=None, pad_edge=False)
    table.add_column(f"median and slowest of {TIMES}, seconds", overflow="fold")
    for column in ("in the process", "slowest", "whole process", "slowest", "of a core"):
        table.add_column(column, justify="right")
    late = 0
    with tempfile.TemporaryDirectory(prefix="taxiway-runs-") as folder:
        place = Path(folder) / "registry.sqlite"
        with Database(SqliteRegistry(kind="sqlite", path=str(place))).working() as connection:
            fill(connection, Path(folder) / "reports")
        options = ("--set", f"registry.path={place}")
        compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
        fresh("compiles the bytecode", (*PROGRAM, "list", "wind", *options), compiled)
        for words in COMMANDS:
            within = sorted(list(in_process((*words, *options)))[1:])  # the first one imports
            before = _of_children()
            whole = sorted(fresh("", (*PROGRAM, *words, *options), compiled).seconds)
            busy = (_of_children() - before) / len(whole)
            shown = (median(within), within[-1], median(whole), whole[-1], busy)
            late += shown[0] > LIMITS[0] or shown[2] > LIMITS[1]
            name = subprocess.list2cmdline(["runs", *words])
            table.add_row(name, *(f"{value:.2f}" for value in shown))
        size = place.stat().st_size / 1e6
    console().print(table)
    keys = len(flattened(load_config([]).model_dump(mode="json")))
    console().print(f"{RUNS:,} runs, configs of {keys} keys, {size:.0f} MB")
    console().print(
        f"{late} took more than {LIMITS[0]:.0f} s in the process or {LIMITS[1]:.0f} s as one"
    )
    return 1 if late else EXIT_OK


if __name__ == "__main__":
    raise SystemExit(main())
