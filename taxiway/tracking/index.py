"""The index of runs: one row when a run has ended, and all of them anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from taxiway.config.schema import Config, Output
from taxiway.metadata.connection import SqliteMetadata
from taxiway.metadata.store import run_store
from taxiway.metadata.whole_runs import WholeRun, whole_run, whole_runs
from taxiway.registry.database.session import open_database
from taxiway.registry.runs import forget_runs, indexed_ids, write_runs
from taxiway.tracking.collect import root_of, run_of


@dataclass(frozen=True)
class Reindexed:
    """What the index was made from: `indexed` is `in_metadata` + `in_folders` - `in_both`."""

    in_metadata: int
    in_folders: int
    in_both: int
    indexed: int
    kept: int
    """Rows of runs that neither knows: of another store that shares the registry, or gone."""
    removed: int
    """The same, where they were to be removed."""


def index_run(config: Config, run_id: str) -> None:
    """Puts a run into the index, or anew.

    Args:
      config: of the run, or of one that shares its store and its registry.
      run_id: the run.
    """
    whole = whole_run(run_store(config.metadata), run_id)
    folder = _folder(config.output, run_id, whole)
    if whole is not None or folder.is_dir():
        write_runs(open_database(config.registry), [run_of(run_id, whole, folder)])


def reindex(config: Config, prune: bool = False) -> Reindexed:
    """Makes the index anew, of every run that ML Metadata or a folder of `output.root` knows.

    Args:
      config: whose metadata, output and registry are meant.
      prune: remove the rows of runs that neither knows. Tags and notes stay.
    """
    stored = {run.run_id: run for run in _stored(config)}
    folders = _folders(config)
    found = []
    for run_id in sorted(stored.keys() | folders.keys()):
        whole = stored.get(run_id)
        folder = folders.get(run_id) or _folder(config.output, run_id, whole)
        found.append(run_of(run_id, whole, folder))
    database = open_database(config.registry)
    write_runs(database, found)
    unknown = indexed_ids(database) - {run.run_id for run in found}
    if prune:
        forget_runs(database, unknown)
    return Reindexed(
        in_metadata=len(stored),
        in_folders=len(folders),
        in_both=len(stored.keys() & folders.keys()),
        indexed=len(found),
        kept=0 if prune else len(unknown),
        removed=len(unknown) if prune else 0,
    )


def _stored(config: Config) -> list[WholeRun]:
    metadata = config.metadata
    if isinstance(metadata, SqliteMetadata) and not Path(metadata.path).exists():
        return []  # asking would make one
    return whole_runs(run_store(metadata))


def _folders(config: Config) -> dict[str, Path]:
    """Folders of runs, by run."""
    reports = Path(config.output.report_folder(""))
    if not reports.is_dir():
        return {}
    return {path.name: path for path in reports.iterdir() if path.is_dir()}


def _folder(output: Output, run_id: str, whole: WholeRun | None) -> Path:
    """Where a run's own config says that its folder is, or else this one."""
    root = root_of(whole) if whole else ""
    return Path((Output(root=root) if root else output).report_folder(run_id))
