"""The benchmark: `python -m benchmarks --rows 27k 336k 1m --alone 3.4m`, or `make bench`."""

from __future__ import annotations

import argparse
import platform
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console

from benchmarks import report
from benchmarks.data import ROOT, SIZES, make_input, rows_option, size_name
from benchmarks.records import SIDES, Check, Machine, Results, Run, Side, read_results
from benchmarks.report import RESULTS, publish
from taxiway.errors import EXIT_OK, EXIT_RUN_FAILED, TaxiwayError
from taxiway.runners.console.live import waiting

VERSIONS: Final = ("tfx", "tensorflow", "apache-beam")
LOG_LINES: Final = 15


@dataclass
class Benchmark:
    """One benchmark in progress."""

    root: Path
    output: Path
    keep: bool
    console: Console
    runs: list[Run] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    def add_to_earlier(self, sizes: Collection[int]) -> None:
        """Keeps what the results have of other sizes; both sides of a size are of one run.

        Raises:
          DataError: there are no results yet.
        """
        earlier = read_results(self.output / RESULTS.name)
        self.runs += [run for run in earlier.runs if run.rows not in sizes]
        self.checks += [check for check in earlier.checks if check.rows not in sizes]

    def both(self, rows: int, repeats: int) -> None:
        """Runs both sides in turns, the first of the two changing with each repeat.

        Raises:
          TaxiwayError: a run failed, or the two did not make the same thing.
        """
        for repeat in range(1, repeats + 1):
            for side in SIDES if repeat % 2 else reversed(SIDES):
                self.run(side, rows, repeat)
            if repeat == 1:
                self.check(rows)
            self._clean(rows)

    def alone(self, rows: int, repeats: int) -> None:
        """Runs Taxiway only.

        Raises:
          TaxiwayError: a run failed.
        """
        for repeat in range(1, repeats + 1):
            self.run("taxiway", rows, repeat)
            self._clean(rows)

    def run(self, side: Side, rows: int, repeat: int) -> None:
        """One run in a fresh process."""
        output = self._folder(side, rows).with_suffix(".json")
        line = ["one_run", side, "--rows", str(rows), "--root", str(self.root)]
        line += ["--folder", str(self._folder(side, rows)), "--output", str(output)]
        name = f"{size_name(rows)}, {side}" + (f", run {repeat}" if repeat > 1 else "")
        self._start(name, [*line, "--started", repr(time.time())])
        run = Run.model_validate_json(output.read_text()).model_copy(update={"repeat": repeat})
        self.runs.append(run)
        self.write()
        self.console.print(f"{name}: {run.seconds:.1f} s", highlight=False)

    def check(self, rows: int) -> None:
        """Compares what the two runs made.

        Raises:
          TaxiwayError: they did not make the same thing.
        """
        output = self.root / "runs" / f"check-{rows}.json"
        folders = [str(self._folder(side, rows)) for side in SIDES]
        output.unlink(missing_ok=True)
        name = f"{size_name(rows)}, comparing what both made"
        line = ["compare", *folders, "--rows", str(rows), "--output", str(output)]
        self._start(name, line, wrote=output)
        check = Check.model_validate_json(output.read_text())
        self.checks.append(check)
        self.write()
        for finding in check.findings:
            mark = "same     " if finding.same else "DIFFERENT"
            text = f"  {mark} {finding.what}: {finding.detail}"
            self.console.print(text, soft_wrap=True, markup=False, highlight=False)
        if not check.same:
            raise TaxiwayError(
                f"at {size_name(rows)} rows stock TFX and Taxiway did not make the same thing, so "
                "their times say nothing; both runs are kept",
                edit=f"what differs, or benchmarks/compare.py; the runs: {', '.join(folders)}",
            )

    def write(self) -> Results:
        """Writes what is known so far."""
        results = Results(
            command=shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
            day=date.today().isoformat(),
            machine=_machine(),
            runs=tuple(self.runs),
            checks=tuple(self.checks),
        )
        self.output.mkdir(parents=True, exist_ok=True)
        path = self.output / RESULTS.name
        path.write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")
        return results

    def _start(self, name: str, line: list[str], wrote: Path | None = None) -> None:
        """Runs a module of this package to its end; its output goes to a log.

        A comparison that found differences ends with an exit code too, but has written them.
        """
        log = self.root / "runs" / f"{'-'.join(name.replace(',', '').split())}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        module, *arguments = line
        with log.open("w") as file, waiting(self.console, name):
            code = subprocess.run(
                [sys.executable, "-m", f"benchmarks.{module}", *arguments],
                stdout=file,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
        if code != EXIT_OK and not (wrote and wrote.is_file()):
            last = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])
            raise TaxiwayError(f"{name}: ended with exit code {code}:\n{last}", edit=str(log))

    def _folder(self, side: Side, rows: int) -> Path:
        return self.root / "runs" / f"{side}-{rows}"

    def _clean(self, rows: int) -> None:
        for side in SIDES:
            if not self.keep:
                shutil.rmtree(self._folder(side, rows), ignore_errors=True)


def _machine() -> Machine:
    versions = {"Python": platform.python_version()}
    return Machine(
        cpus=psutil.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.machine()}",
        versions=versions | {name: version(name) for name in VERSIONS},
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    sizes = "27k, 336k, 1m, 3.4m or a number"
    parser.add_argument(
        "--rows",
        type=rows_option,
        nargs="*",
        default=[SIZES[name] for name in ("27k", "336k", "1m")],
        help=f"sizes for both sides, or none: {sizes}",
    )
    parser.add_argument(
        "--alone", type=rows_option, nargs="*", default=[], help="sizes for Taxiway only"
    )
    parser.add_argument(
        "--repeat", type=int, default=1, help="runs of each side and size, 1 or more"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="input and runs")
    parser.add_argument(
        "--output", type=Path, default=RESULTS.parent, help="folder of results.json and chart.svg"
    )
    parser.add_argument("--page", type=Path, help="write its table too")
    parser.add_argument(
        "--add", action="store_true", help="keep what --output has of sizes not measured now"
    )
    parser.add_argument("--keep", action="store_true", help="keep what the runs made")
    given = parser.parse_args()
    if given.repeat < 1:
        parser.error(f"argument --repeat: got {given.repeat}, expected 1 or more")
    return given


def main() -> int:
    """Measures all sizes, Taxiway alone first; at each other, checks that both make the same."""
    given = _arguments()
    console = report.console()
    benchmark = Benchmark(given.root, given.output, given.keep, console)
    try:
        if given.add:
            benchmark.add_to_earlier({*given.rows, *given.alone})
        for rows in {*given.rows, *given.alone}:
            with waiting(console, f"making the input of {size_name(rows)} rows"):
                make_input(rows, given.root)
        for rows in sorted(set(given.alone)):
            benchmark.alone(rows, given.repeat)
        for rows in sorted(set(given.rows)):
            benchmark.both(rows, given.repeat)
        publish(benchmark.write(), given.output, given.page, console)
    except TaxiwayError as error:
        console.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        return error.exit_code
    except KeyboardInterrupt:
        console.print("interrupted; what was measured is in the results", style="red")
        return EXIT_RUN_FAILED
    return EXIT_OK


if __name__ == "__main__":
    raise SystemExit(main())
