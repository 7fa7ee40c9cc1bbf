"""Takes a later version of the template into a project; see docs/decisions/0071."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from taxiway.errors import ConfigError
from taxiway.scaffold.project.create import WHEELS
from taxiway.scaffold.project.record import NAME, Record, read_record
from taxiway.scaffold.project.sources import (
    KINDS,
    Git,
    Index,
    Source,
    read_source,
)
from taxiway.scaffold.upgrade.merge import Merged, Repository
from taxiway.scaffold.upgrade.versions import rendered

LOCK: Final = "requirements.lock"


@dataclass(frozen=True)
class Upgraded:
    """What an upgrade did."""

    before: Record
    after: Record
    merged: Merged
    lock_kept: bool
    """Whether the project has a lock of its own, which is left as it was."""


def upgrade_project(project: Path, to: str) -> Upgraded:
    """Merges what the template has changed since the project's version, and names the package.

    What it changes is in git's index and not committed.

    Args:
      project: a folder that `taxiway new project` made.
      to: a source; empty means the newest that the project's own source has.

    Raises:
      ConfigError: the folder is no such project, its git tree is not clean, or the source cannot
        be used.
      TaxiwayError: a version cannot be had, or git cannot merge.
    """
    before = read_record(project)
    repository = Repository(project)
    repository.require_clean()
    had = _source_of(before, project)
    wanted = read_source(to, "--to") if to else _newest(had)
    with tempfile.TemporaryDirectory() as scratch:
        base, new = Path(scratch, "base"), Path(scratch, "new")
        if rendered(had, before, base).version != before.version:
            raise ConfigError(
                f"{before.source} is not Taxiway {before.version}, which this project was made by",
                edit=f"source in {project / NAME}",
            )
        after = rendered(wanted, before, new)
        lock_kept = (project / LOCK).is_file() and _differ(project / LOCK, base / LOCK)
        if lock_kept:
            shutil.copyfile(base / LOCK, new / LOCK)
        for folder in (base, new):
            (folder / NAME).unlink()
        package = Path(scratch, WHEELS)
        for folder in (base, new):
            _move_away(folder / WHEELS, package)
        merged = repository.merge(base, new, f"Upgrade Taxiway to {after.version}")
        _place(project, before, after, package)
    repository.add(NAME, *_wheels(before, after))
    return Upgraded(before, after, merged, lock_kept)


def _source_of(record: Record, project: Path) -> Source:
    is_wheel = record.source.endswith(".whl") and "://" not in record.source
    text = str(project / record.source) if is_wheel else record.source
    return read_source(text, f"source in {project / NAME}")


def _newest(source: Source) -> Source:
    if isinstance(source, Index):
        return Index()
    if isinstance(source, Git):
        return Git(source.address)
    raise ConfigError(
        "this project has Taxiway from a wheel, which knows of no later one", edit=f"--to: {KINDS}"
    )


def _differ(one: Path, other: Path) -> bool:
    return one.read_bytes() != other.read_bytes()


def _move_away(wheels: Path, package: Path) -> None:
    """The wheel that comes with a version; that of the later one is what stays in the end."""
    shutil.rmtree(package, ignore_errors=True)
    if wheels.is_dir():
        wheels.rename(package)


def _place(project: Path, before: Record, after: Record, package: Path) -> None:
    """The record and the wheel are ours alone, so they are not merged."""
    for name in _wheels(before):
        (project / name).unlink(missing_ok=True)
    for name in _wheels(after):
        (project / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(package / Path(name).name, project / name)
    (project / NAME).write_text(after.text(), encoding="utf-8")


def _wheels(*records: Record) -> list[str]:
    return [record.source for record in records if record.source.startswith(f"{WHEELS}/")]
