"""How long lists and searches of a large registry take: `make bench-registry`.

A registry of 500 models with 5,000 versions on SQLite, one of them with 509, filled with what runs
write: contracts, metrics with intervals, facts of 25 columns; and tags, notes, aliases, states and
deployments.
"""

from __future__ import annotations

import random
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
from taxiway.errors import EXIT_OK
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import (
    aliases,
    deployments,
    model_versions,
    notes,
    tags,
    version_states,
)
from taxiway.registry.search.text import search_text
from taxiway.registry.section import SqliteRegistry

MODELS: Final = 500
VERSIONS: Final = 5_000
COLUMNS: Final = 25
SLICES: Final = 5
TIMES: Final = 5
"""How often each is done; the table has the median and the slowest."""
PROGRAM: Final = (sys.executable, "-m", "taxiway", "models")
LARGEST: Final = "model-000"
COMMANDS: Final[tuple[tuple[str, ...], ...]] = (
    ("list",),
    ("list", LARGEST),
    ("list", LARGEST, "--state", "approved", "--sort", "-metrics.auc"),
    ("list", "--json"),
    ("search", ""),
    ("search", "wind gust"),
    ("search", "metrics.auc > 0.7 and not tags.owner = ann or 'strong wind'"),
    ("search", "facts.training.hyperparameters.epochs > 10 and created_at >= 2026-03"),
    ("search", "alias = champion", "--sort", "-metrics.auc"),
    ("search", "metrics.auc > 0.5", "--json"),
    ("show", f"{LARGEST}/1.2.7"),
)
_START: Final = 1_767_225_600.0
"""2026-01-01, in seconds since the epoch."""
_TIME: Final = "%Y-%m-%dT%H:%M:%S.000000Z"


def fill(connection: Connection, models: int = MODELS, versions: int = VERSIONS) -> None:
    """Fills a fresh registry; the first model has all versions that do not divide."""
    made = random.Random(7)  # noqa: S311  # no secret
    each = max(versions // models - 1, 1)
    number = 0
    rows: dict[Any, list[dict[str, Any]]] = {
        table: [] for table in (model_versions, version_states, aliases, tags, notes, deployments)
    }
    for model in range(models):
        name = f"model-{model:03}"
        count = versions - each * (models - 1) if model == 0 else each
        for place in range(count):
            number += 1
            row = _version(made, name, place, number)
            rows[model_versions].append(row)
            _beside(rows, row, made, newest=place == count - 1)
        rows[tags].append(_tag("model", name, "owner", made.choice(("ann", "ben"))))
    for table, values in rows.items():
        connection.execute(insert(table), values)


def _version(made: random.Random, model: str, place: int, number: int) -> dict[str, Any]:
    """A row as a run's Registrar writes it."""
    triple = (1, place // 10, place % 10)
    metrics = {name: round(made.uniform(0.5, 0.9), 6) for name in ("auc", "recall", "precision")}
    columns = [f"column_{one:02}" for one in range(COLUMNS)] + ["wind_gust"] * (number % 50 == 0)
    domain = {"type": "number", "domain": {"min": 0, "max": 1_000}}
    contract = {
        "inputs": dict.fromkeys(columns, domain),
        "outputs": {"probability": "number"},
        "label": "late",
        "definition": "more than 15 minutes after schedule",
        "task": "Binary",
    }
    intervals = {name: [value - 0.01, value + 0.01] for name, value in metrics.items()}
    measured = {"metrics": metrics, "intervals": intervals, "undefined": {}}
    facts = {
        "data": {"spans": [1, 2, 3, 4], "digest": f"{number:064x}", "rows_train": 250_000},
        "columns": [{"name": column, **domain, "roles": ["Numeric"]} for column in columns],
        "ranges": {column: {"min": 0.0, "max": 937.5, "missing": 0.01} for column in columns},
        "training": {"hyperparameters": {"epochs": number % 20, "learning_rate": 0.003}},
        "evaluation": {
            "overall": measured,
            "worst_slices": [{"name": f"origin={one}", **measured} for one in range(SLICES)],
            "ranked_by": "auc",
        },
    }
    return {
        "id": number,
        "model": model,
        "name": ".".join(map(str, triple)),
        **dict(zip(("major", "minor", "pipeline"), triple, strict=True)),
        "run_id": f"run-{number:05}",
        "author": made.choice(("ann", "ben")),
        "model_digest": f"{number:064x}",
        "contract_digest": "c" * 64,
        "pipeline_digest": "p" * 64,
        "contract": contract,
        "reasons": {"major": "stayed 1", "minor": "stayed", "pipeline": "rose"},
        "baseline": {"version": "1.0.0", "metrics": metrics, "change": {"auc": 0.001}},
        "metrics": metrics,
        "facts": facts,
        "checks": {"evaluator": True, "infra_validator": True, "manifest": True},
        "search_text": search_text(contract, facts),
        "pushed_to": f"/var/serving/{model}/{number}",
        "created_at": time.strftime(
            "%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(_START + 3600 * number)
        ),
    }


def _beside(
    rows: dict[Any, list[dict[str, Any]]],
    version: dict[str, Any],
    made: random.Random,
    newest: bool,
) -> None:
    """A state of each, two tags of each, a note of some; of the newest an alias, and it serves."""
    model, subject = version["model"], f"{version['model']}/{version['name']}"
    at = version["created_at"]
    this = {"version_id": version["id"]}
    state = {"environment": "", "state": made.choice(("approved", "rejected")), "reason": ""}
    rows[version_states].append(this | state | {"changed_at": at})
    rows[tags].append(_tag("version", subject, "ticket", f"ML-{version['id']}"))
    rows[tags].append(_tag("version", subject, "region", made.choice(("north", "south"))))
    if version["id"] % 10 == 0:
        about = {"subject_kind": "version", "subject": subject, "written_by": "ann"}
        rows[notes].append(about | {"text": "Fails in strong wind.", "written_at": at})
    if newest:
        rows[aliases].append(this | {"model": model, "alias": "champion", "changed_at": at})
        about = {"model": model, "version": version["name"], "place": version["pushed_to"]}
        rows[deployments].append(about | {"queued_by": "ann", "deployed_by": "ben", "since": at})


def _tag(kind: str, subject: str, key: str, value: str) -> dict[str, str]:
    return {"subject_kind": kind, "subject": subject, "key": key, "value": value}


def in_process(words: Sequence[str]) -> Iterator[float]:
    """Seconds of a command, each time, in a process that has loaded all that it needs."""
    from typer.main import get_command

    from taxiway.cli.main import app

    command = get_command(app)
    for _ in range(TIMES + 1):
        started = time.perf_counter()
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            command.main(["models", *words], standalone_mode=False)
        yield time.perf_counter() - started


def main() -> int:
    """Fills a registry, measures, and prints the table."""
    table = Table(box=None, pad_edge=False)
    table.add_column(f"median and slowest of {TIMES}, seconds", overflow="fold")
    for column in ("in the process", "slowest", "whole process", "slowest"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory(prefix="taxiway-registry-") as folder:
        place = Path(folder) / "registry.sqlite"
        with Database(SqliteRegistry(kind="sqlite", path=str(place))).working() as connection:
            fill(connection)
        options = ("--set", f"registry.path={place}")
        compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
        fresh("compiles the bytecode", (*PROGRAM, "search", "wind", *options), compiled)
        for words in COMMANDS:
            within = sorted(list(in_process((*words, *options)))[1:])  # the first one imports
            whole = sorted(fresh("", (*PROGRAM, *words, *options), compiled).seconds)
            shown = (median(within), within[-1], median(whole), whole[-1])
            name = subprocess.list2cmdline(["models", *words])
            table.add_row(name, *(f"{value:.2f}" for value in shown))
        size = place.stat().st_size / 1e6
    console().print(table)
    console().print(f"{MODELS:,} models, {VERSIONS:,} versions, {size:.0f} MB")
    return EXIT_OK


if __name__ == "__main__":
    raise SystemExit(main())
