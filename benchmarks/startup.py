"""What starting costs: `python -m benchmarks.startup`, or `make bench-startup`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from rich.table import Table

from benchmarks.report import console
from taxiway.config.loader import load_config
from taxiway.errors import EXIT_OK, TaxiwayError

TIMES: Final = 5
"""How often each is done; the table has the median, and the fastest and slowest."""
COMMAND: Final = (str(Path(sys.executable).with_name("taxiway")),)
COMPLETION: Final = {
    "_TAXIWAY_COMPLETE": "complete_bash",
    "COMP_WORDS": "taxiway r",
    "COMP_CWORD": "1",
}
IMPORTS: Final = (
    "import taxiway.runners.local.exit_handler, taxiway.runners.local.runner, pipelines.training"
)
LEAN: Final = (
    f"from taxiway.process.lean_imports import lean_imports\nwith lean_imports():\n    {IMPORTS}"
)
SETTLING_RUNS: Final = 3
"""The first run makes a model, the second has it for a baseline, the third repeats the second."""


@dataclass(frozen=True)
class Cost:
    """What something took, each time, in seconds."""

    what: str
    seconds: tuple[float, ...]


def fresh(what: str, command: tuple[str, ...], env: Mapping[str, str] | None = None) -> Cost:
    """The wall time of a command, from start to end of its process."""

    def once() -> None:
        subprocess.run(command, env={**os.environ, **(env or {})}, check=True, capture_output=True)

    return Cost(what, _timed(once))


def unchanged_run() -> Cost:
    """A run that finds nothing to do, exit handler and report included, once all is imported.

    Raises:
      TaxiwayError: a run failed.
    """
    with tempfile.TemporaryDirectory(prefix="taxiway-startup-") as folder:
        settings = [f"output.root={folder}", "container.engine=host"]
        config = load_config(["smoke"], settings)
        from taxiway.runners.local.export import export_data
        from taxiway.runners.local.run import run_pipeline

        def once() -> None:
            with silence():
                code = run_pipeline(config, "python -m benchmarks.startup")
            if code != EXIT_OK:
                raise TaxiwayError("the run failed", edit=f"{folder}/reports")

        with silence():
            export_data(config)
        for _ in range(SETTLING_RUNS):
            once()
        return Cost("an unchanged run, once all is imported", _timed(once))


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Nothing is shown of what a run prints, which goes past `sys.stdout`."""
    sys.stdout.flush()
    shown = os.dup(1)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(shown, 1)
        os.close(shown)


def _timed(act: Callable[[], None]) -> tuple[float, ...]:
    seconds = []
    for _ in range(TIMES):
        started = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - started)
    return tuple(seconds)


def main() -> int:
    """Measures and prints the table."""
    costs = [
        fresh("taxiway --help", (*COMMAND, "--help")),
        fresh("completing `taxiway r`", COMMAND, COMPLETION),
        fresh("imports of a run, all that TFX asks for", (sys.executable, "-c", IMPORTS)),
        fresh("imports of a run, as it does them", (sys.executable, "-c", LEAN)),
        unchanged_run(),
    ]
    table = Table(box=None, pad_edge=False)
    table.add_column(f"median of {TIMES}")
    for column in ("seconds", "fastest", "slowest"):
        table.add_column(column, justify="right")
    for cost in costs:
        shown = (median(cost.seconds), min(cost.seconds), max(cost.seconds))
        table.add_row(cost.what, *(f"{value:.2f}" for value in shown))
    console().print(table)
    return EXIT_OK


if __name__ == "__main__":
    raise SystemExit(main())
