"""Gives the bytes of a version back, from wherever clean-up has left them whole."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, select

from taxiway.errors import ConfigError
from taxiway.process.provenance import GIT_COMMIT
from taxiway.push.bucket import copy_by_gfile
from taxiway.push.folder import sync
from taxiway.registry.database.tables import runs
from taxiway.registry.deploy.source import check, first_whole
from taxiway.registry.signing.kinds import Signing
from taxiway.registry.versions.records import ModelVersion

_LONGEST_REPORT: Final = 50 * 2**20
"""Bytes; a report that is longer is not read."""


@dataclass(frozen=True)
class Origin:
    """What is known of the run that made a version; what is not is empty."""

    run_id: str
    command: str = ""
    config: str = ""
    """Path of its resolved config."""
    commit: str = ""

    def lines(self) -> list[str]:
        """How to make the version again."""
        told = {"commit": self.commit, "config": self.config, "command": self.command}
        known = [f"  {name}: {value}" for name, value in told.items() if value]
        return [f"what run {self.run_id} was started with makes it again:", *known] if known else []


def restore(version: ModelVersion, places: Sequence[str], target: Path, signing: Signing) -> str:
    """Copies a version to a folder, which is there whole or not at all.

    Args:
      version: what is wanted.
      places: where it may be; see `source.places`.
      target: a folder that is not there yet, or is empty.
      signing: by which a signature is verified too, where there is one.

    Returns:
      The place that it was copied from.

    Raises:
      ConfigError: the target cannot be made, or has something in it.
      TaxiwayError: the version is nowhere whole, or its signature is not of it.
    """
    _check_target(target)
    place = first_whole(version, places)
    temporary = target.parent / f".{target.name}.{socket.gethostname()}-{os.getpid()}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        if "://" in place:
            copy_by_gfile(place, temporary)
        else:
            shutil.copytree(place, temporary)
        check(version, str(temporary))
        if version.candidate.signature and signing.signs:
            signing.verify(temporary, version.candidate.signature)
        sync(temporary)
        temporary.rename(target)
    except OSError as error:
        raise ConfigError(
            f"cannot restore {version.subject} to {target}: {error.strerror or error}", edit="--to"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return place


def origin_of(connection: Connection, version: ModelVersion, report_folder: Path) -> Origin:
    """What the index of runs, or else the run's own report, says of the run.

    Args:
      connection: the registry.
      version: what it made.
      report_folder: where its report would be.
    """
    run_id = version.candidate.run_id
    row = connection.execute(select(runs).where(runs.c.run_id == run_id)).one_or_none()
    facts: dict[str, Any] = dict(row.facts) if row is not None else {}
    folder = Path(row.folder) if row is not None and row.folder else report_folder
    config = folder / "config.yaml"
    return Origin(
        run_id,
        command=str(facts.get("command") or _reported(folder).get("command", "")),
        config=str(config) if config.is_file() else "",
        commit=str(facts.get(GIT_COMMIT) or version.candidate.facts.get(GIT_COMMIT, "")),
    )


def _check_target(target: Path) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise ConfigError(f"{target} is there already, and is no folder", edit="--to")
    if target.is_dir() and any(target.iterdir()):
        raise ConfigError(f"{target} is there already, and is not empty", edit="--to")


def _reported(folder: Path) -> dict[str, Any]:
    try:
        file = folder / "report.json"
        if file.stat().st_size > _LONGEST_REPORT:
            return {}
        report = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return report if isinstance(report, dict) else {}
