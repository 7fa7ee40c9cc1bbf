"""Puts a run on record: when it starts, when it has ended, and when it is found to be dead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from taxiway.config.schema import Config, Output
from taxiway.metadata.records import ErrorKind, Outcome
from taxiway.metadata.store import run_store
from taxiway.metadata.whole_runs import WholeRun, whole_run
from taxiway.tracking.collect import root_of
from taxiway.tracking.kept import keep, kept_as
from taxiway.tracking.recording.collect import Ending, begun, ended, found_dead
from taxiway.tracking.run_record.files import read_record, write_record
from taxiway.tracking.under_way import bury, killed_where


def record_begin(config: Config, run_id: str, properties: Mapping[str, Any]) -> None:
    """Writes the first record of a local run, so that a kill leaves one.

    Args:
      config: the resolved config.
      run_id: the run.
      properties: of the run: its command, and see taxiway/process/provenance.py.
    """
    folder = Path(config.output.report_folder(run_id))
    write_record(folder, begun(config, run_id, properties))


def record_kept(
    config: Config,
    run_id: str,
    files: Sequence[tuple[str, str, int]],
    say: Callable[[str], None],
    runner: str = "local",
) -> None:
    """Keeps input files by content, and names them in the run's record, so that they stay.

    Args:
      config: the resolved config.
      run_id: the run.
      files: of each, where it is, its path below `data.root`, and its span.
      say: is told what a user should know.
      runner: local or kubeflow.

    Raises:
      OSError: see `keep`.
    """
    root, mode = config.output.root, config.data.keep
    kept = tuple(keep(root, files, mode, say))
    folder = Path(config.output.report_folder(run_id))
    folder.mkdir(parents=True, exist_ok=True)
    begin = read_record(folder) or begun(config, run_id, _properties(config, run_id), runner)
    data = begin.data.model_copy(update={"files": kept, "kept": kept_as(root, kept, mode)})
    write_record(folder, begin.model_copy(update={"data": data}))


def record_end(config: Config, run_id: str, ending: Ending, runner: str = "local") -> None:
    """Writes the whole record of a run that has ended.

    Args:
      config: the resolved config.
      run_id: the run.
      ending: what its runner knows of its end.
      runner: local or kubeflow.
    """
    whole = whole_run(run_store(config.metadata), run_id)
    folder = Path(config.output.report_folder(run_id))
    folder.mkdir(parents=True, exist_ok=True)
    begin = read_record(folder) or begun(config, run_id, whole.properties if whole else {}, runner)
    write_record(folder, ended(config, begin, whole, folder, ending))


def record_dead(config: Config, run_id: str, runner: str = "local") -> None:
    """Writes the record of a run that died, once its nodes are closed in ML Metadata.

    Args:
      config: of a run that shares its store.
      run_id: the dead run.
      runner: local or kubeflow.
    """
    whole = whole_run(run_store(config.metadata), run_id)
    folder = _folder(config, run_id, whole)
    if whole is None and not folder.is_dir():  # nothing of it was ever written
        return
    folder.mkdir(parents=True, exist_ok=True)
    begin = read_record(folder) or found_dead(run_id, whole, runner)
    write_record(folder, ended(config, begin, whole, folder, _death(folder, whole)))
    bury(folder)


def _properties(config: Config, run_id: str) -> Mapping[str, Any]:
    return run_store(config.metadata).properties(run_id)


def _death(folder: Path, whole: WholeRun | None) -> Ending:
    """A run that had failed when it was killed has failed."""
    kinds = [one.error_kind for one in whole.nodes if one.error_kind] if whole else []
    if any(kind is not ErrorKind.KILLED for kind in kinds):
        return Ending()
    return Ending(Outcome.KILLED.value, killed_where(folder))


def _folder(config: Config, run_id: str, whole: WholeRun | None) -> Path:
    """Where the run's own config says that its folder is, or else this one."""
    root = root_of(whole) if whole else ""
    return Path((Output(root=root) if root else config.output).report_folder(run_id))
