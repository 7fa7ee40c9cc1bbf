"""One run of one side in this process: `python -m benchmarks.one_run stock --rows 27k ...`."""
# ruff: noqa: E402  # the clock below starts before the imports, which it measures

from __future__ import annotations

import time

BORN = time.time()  # before anything heavy is imported: imports are part of a run

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.data import MARK, OVERLAY, ROOT, input_folder, rows_option
from benchmarks.measure import Recorder
from benchmarks.records import Run, Side
from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.errors import EXIT_OK, DataError, TaxiwayError


def config_of(root: Path, rows: int, folder: Path) -> Config:
    """The config that both sides take the model, the evaluation and all places from.

    Raises:
      DataError: the input of this size has not been made.
    """
    data = input_folder(root, rows).absolute()
    if not (data / MARK).is_file():
        raise DataError(
            f"there is no input of {rows:,} rows in {data}",
            edit=f"run `python -m benchmarks.data --rows {rows} --root {root}` first",
        )
    return load_config([OVERLAY], [f"output.root={folder.absolute()}", f"data.root={data}"])


def metadata_file(folder: Path) -> Path:
    """Where both sides keep ML Metadata."""
    return folder.absolute() / "metadata.sqlite"


def measured(side: Side, rows: int, root: Path, folder: Path, started: float) -> Run:
    """Runs one side in an empty folder; what is counted afterwards is not timed.

    Raises:
      TaxiwayError: the input is not there, or Taxiway's run failed; TFX's failures as they are.
    """
    if folder.exists():
        shutil.rmtree(folder)
    config = config_of(root, rows, folder)
    with Recorder(started) as recorder:
        RUNNERS[side](config, metadata_file(folder), recorder)
    from benchmarks.artifacts import made_by, rows_out

    counted = rows_out(made_by(metadata_file(folder)))
    rss, pss = recorder.peak()
    return Run(
        side=side,
        rows=rows,
        seconds=round(recorder.seconds, 3),
        cpu_seconds=round(recorder.cpu, 2),
        peak_rss=rss,
        peak_pss=pss,
        sampling_seconds=round(recorder.sampling_seconds, 2),
        other_cpu_seconds=round(recorder.other_cpu, 2),
        nodes=tuple(
            node.model_copy(update={"rows": counted.get(node.node, {})})
            for node in recorder.nodes()
        ),
    )


def _stock(config: Config, metadata: Path, recorder: Recorder) -> None:
    from benchmarks import stock

    stock.run(config, metadata, recorder)


def _taxiway(config: Config, metadata: Path, recorder: Recorder) -> None:
    del metadata  # the config names the same place
    from benchmarks import taxiway

    taxiway.run(config, recorder)


RUNNERS: Final[dict[Side, Callable[[Config, Path, Recorder], None]]] = {
    "stock": _stock,
    "taxiway": _taxiway,
}


def main() -> int:
    """Runs one side and writes what was measured as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.one_run", description=__doc__)
    parser.add_argument("side", choices=RUNNERS)
    parser.add_argument("--rows", type=rows_option, required=True)
    parser.add_argument("--root", type=Path, default=ROOT, help="holds input/")
    parser.add_argument("--folder", type=Path, required=True, help="of the run; emptied first")
    parser.add_argument("--output", type=Path, required=True, help="JSON file")
    parser.add_argument("--started", type=float, default=BORN, help="time.time() before the fork")
    given = parser.parse_args()
    try:
        run = measured(given.side, given.rows, given.root, given.folder, given.started)
    except TaxiwayError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201  # to who typed the command
        return error.exit_code
    given.output.write_text(run.model_dump_json(indent=1), encoding="utf-8")
    return EXIT_OK


if __name__ == "__main__":
    raise SystemExit(main())
