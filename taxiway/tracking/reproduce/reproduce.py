"""`taxiway runs reproduce` without its printing: looks, asks whether to start, runs, compares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from taxiway.config.schema import Config
from taxiway.errors import ConfigError, did_you_mean
from taxiway.process.project import project_root
from taxiway.registry.database.session import open_database
from taxiway.registry.runs import list_runs
from taxiway.tracking.recording.surroundings import machine
from taxiway.tracking.reproduce import again, data
from taxiway.tracking.reproduce.checkout import checkout
from taxiway.tracking.reproduce.differences import Difference, not_on_record
from taxiway.tracking.reproduce.verdict import Verdict, compare
from taxiway.tracking.run_record.files import read_record
from taxiway.tracking.run_record.record import RunRecord


@dataclass(frozen=True)
class Report:
    """What is known before a run is repeated."""

    run_id: str
    differences: tuple[Difference, ...]
    compared: str
    """Parts that were compared, in words."""
    notes: tuple[str, ...]
    """What else a user should know."""


@dataclass(frozen=True)
class Repeated:
    """How a run was repeated."""

    report: Report
    verdict: Verdict | None = None
    """None where it was not started."""
    new_run: str = ""
    folder: str = ""
    """Of the new run."""
    reason: str = ""
    """Of the new run's outcome, where that is no success."""
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def is_equal(self) -> bool:
        """Whether it ran, and came out the same."""
        return self.verdict is not None and self.verdict.is_equal

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        verdict = self.verdict
        return {
            "run": self.report.run_id,
            "differs": [asdict(one) for one in self.report.differences],
            "notes": list(self.report.notes),
            "started": verdict is not None,
            "equal": self.is_equal if verdict else None,
            "outcomes": list(verdict.outcomes) if verdict else None,
            "compared": verdict.compared if verdict else 0,
            "changes": [asdict(one) for one in verdict.changes] if verdict else [],
            "new_run": self.new_run,
            "folder": self.folder,
            "reason": self.reason,
            "metrics": self.metrics,
        }


def reproduce(
    config: Config,
    run_id: str,
    with_code_of_then: bool,
    data_root: str,
    start: Callable[[Report], bool],
    quiet: bool = False,
) -> Repeated:
    """Repeats a run that is on record.

    Args:
      config: says where runs are on record.
      run_id: the run.
      with_code_of_then: whether its own commit runs, and not the code as it is now.
      data_root: where its input is now; empty means where it was.
      start: is shown what differs, and says whether to start.
      quiet: print nothing of how the run goes.

    Raises:
      ConfigError: there is no such run on record, or its config cannot be used any more.
      TaxiwayError: its code or its data cannot be had, or it could not be started.
    """
    folder = _folder(config, run_id)
    record = read_record(folder)
    if record is None:
        raise ConfigError(
            f"{folder} has no record of run {run_id} (record.json), as runs before it was kept",
            edit="the command line",
        )
    found = again.recorded_config(record, folder)
    place = again.Place(Path(config.output.root, again.FOLDER, run_id))
    root = Path(data_root or record.data.root or str(found["data"]["root"]))
    files = data.sources(record, root, str(found["output"]["root"]))
    new = again.config_again(found, place, bool(files), data_root)
    with _code(record, with_code_of_then) as project:
        if with_code_of_then:
            differs = again.differences_there(record, new, place, project)
        else:
            differs = again.differences_here(record, new, place)
        differs += data.differences(files)
        report = Report(run_id, tuple(differs), _compared(record), tuple(_notes(record)))
        if not start(report):
            return Repeated(report)
        place.clear()
        again.write_config(new, place)
        data.lay_out(files, place.data)
        made, where = again.run_again(place, project, quiet)
    verdict = compare(record, made)
    return Repeated(report, verdict, made.run_id, str(where), made.reason, dict(made.metrics))


@contextmanager
def _code(record: RunRecord, of_then: bool) -> Iterator[Path]:
    if not of_then:
        yield project_root()
        return
    with checkout(project_root(), record.code) as project:
        yield project


def _folder(config: Config, run_id: str) -> Path:
    """Where a run is on record: below output.root, or where the index says."""
    folder = Path(config.output.report_folder(run_id))
    if folder.is_dir():
        return folder
    known = {one.run_id: one.folder for one in list_runs(open_database(config.registry))}
    if run_id in known:
        return Path(known[run_id])
    near = did_you_mean(run_id, known)
    raise ConfigError(
        f"there is no run '{run_id}' in {folder.parent} or in the index{near}; "
        "`taxiway runs list` lists them",
        edit="the command line, or --set output.root=...",
    )


def _compared(record: RunRecord) -> str:
    lacking = not_on_record(record)
    parts = [one for one in ("code", "packages", "data", "config") if one not in lacking]
    return f"{', '.join(parts)} are as they were" if parts else "nothing is on record to compare"


def _notes(record: RunRecord) -> Iterator[str]:
    lacking = not_on_record(record)
    if lacking:
        yield f"not on record of it, so not compared: {', '.join(lacking)}"
    if record.runner != "local":
        yield f"it was a run on {record.runner}; it is repeated on this machine"
    here = machine()
    if record.machine.host and (record.machine.system, record.machine.cores) != (
        here.system,
        here.cores,
    ):
        yield (
            f"it ran on another machine ({record.machine.system}, {record.machine.cores} cores), "
            "which may change the last digits"
        )
