"""Runs what is on record of a run once more, apart from all other runs, and compares the two.

The new run has a folder of its own, with its own metadata and registry: nothing of it comes from
the cache, and it is no version, no baseline and no push of the project's. It is a process of its
own, since it may have other code than this one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from taxiway.config.loader import load_config
from taxiway.config.places import model_folder
from taxiway.errors import ConfigError, TaxiwayError
from taxiway.process.code_digest import files_used
from taxiway.process.provenance import provenance
from taxiway.tracking.collect import CONFIG_FILE, read_config
from taxiway.tracking.recording.surroundings import packages_of
from taxiway.tracking.reproduce.differences import (
    Difference,
    files_at,
    of_code,
    of_config,
    of_packages,
)
from taxiway.tracking.run_record.files import read_record
from taxiway.tracking.run_record.record import RunRecord, flattened

FOLDER: Final = "reproduced"
"""Below output.root, with a folder for each run that was repeated."""
ANEW: Final[Mapping[str, Mapping[str, Any]]] = {
    "metadata": {"kind": "sqlite"},
    "registry": {"kind": "sqlite"},
    "push": {"kind": "filesystem"},
    "notify": {"kind": "none"},
}
"""Sections that say where a run leaves things, whom it tells, and who approves."""


@dataclass(frozen=True)
class Place:
    """Where a run is repeated."""

    root: Path
    """`output.root` of the new run."""

    @property
    def data(self) -> Path:
        """Its input."""
        return self.root / "input"

    @property
    def config(self) -> Path:
        """Its config."""
        return self.root / "config.yaml"

    def clear(self) -> None:
        """Takes away what an earlier one has left."""
        shutil.rmtree(self.root, ignore_errors=True)


def recorded_config(record: RunRecord, folder: Path) -> dict[str, Any]:
    """The resolved config of a run as nested values.

    Args:
      record: of the run.
      folder: the run's.

    Raises:
      TaxiwayError: neither has it.
    """
    path = folder / CONFIG_FILE
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = dict(read_config(text)) or _nested(record.config)
    if not found:
        raise TaxiwayError(f"no config of run {record.run_id} is on record", edit=str(path))
    return found


def config_again(
    found: Mapping[str, Any], place: Place, has_data: bool, data_root: str = ""
) -> dict[str, Any]:
    """The config of the new run: all that was, but for places.

    Args:
      found: the config of the run on record.
      place: of the new one.
      has_data: whether its input is laid out there.
      data_root: where it is else; empty means where it was.
    """
    module = str(found["model"]["module"])
    data = dict(found["data"])
    if has_data or data_root:
        data["root"] = str(place.data) if has_data else data_root
    if str(data.get("schema_file", "")).endswith(f"{module.replace('.', '/')}/schema.pbtxt"):
        data["schema_file"] = ""  # of the code that runs
    if "keep" in data:
        data["keep"] = "none"
    again = {**found, **ANEW, "output": {"root": str(place.root)}, "data": data}
    again["registry"] = {**ANEW["registry"], "versioning": found["registry"]["versioning"]}
    again["model"] = {**found["model"], "code_digest": ""}
    again["serving"] = {}
    if "tracking" in found:
        again["tracking"] = {"kind": "none"}
    return again


def differences_here(record: RunRecord, again: Mapping[str, Any], place: Place) -> list[Difference]:
    """What differs in this project: code, packages, config; writes the new run's config.

    Raises:
      ConfigError: the config cannot be used any more.
    """
    write_config(again, place)
    module = str(again["model"]["module"])
    found: list[Difference] = []
    if record.code.files:
        found += of_code(record.code, files_used(model_folder(module)))
    found += _packages(record)
    try:
        now = load_config([place.config])
    except ConfigError as error:
        raise ConfigError(
            f"the config of run {record.run_id} cannot be used any more: {error.message}",
            edit="--checkout, which runs the code of then",
        ) from None
    if record.config:
        found += of_config(record.config, flattened(now.model_dump(mode="json")))
    return found


def differences_there(
    record: RunRecord, again: Mapping[str, Any], place: Place, project: Path
) -> list[Difference]:
    """The same of a checkout of the run's own code, whose config this process cannot judge."""
    write_config(again, place)
    return [*of_code(record.code, files_at(project, record.code.files)), *_packages(record)]


def write_config(again: Mapping[str, Any], place: Place) -> None:
    """Writes the new run's config, in place of that of an earlier one."""
    text = yaml.safe_dump(dict(again), sort_keys=False, allow_unicode=True)
    try:
        place.root.mkdir(parents=True, exist_ok=True)
        place.config.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TaxiwayError(f"cannot write {place.root}: {error}", edit="output.root") from None


def run_again(place: Place, project: Path, quiet: bool) -> tuple[RunRecord, Path]:
    """Runs the config of a place with the code of a project.

    Args:
      place: with its config and its input.
      project: whose code runs.
      quiet: print nothing of how it goes.

    Returns:
      The new run's record, and its folder.

    Raises:
      TaxiwayError: it could not be started.
    """
    command = [sys.executable, "-m", "taxiway", "run", "--config", str(place.config)]
    paths = [str(project), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [*command, "--json"] if quiet else command,
        cwd=project,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        stdout=subprocess.DEVNULL if quiet else None,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    folders = sorted((place.root / "reports").glob("*/"))
    record = read_record(folders[-1]) if folders else None
    if record is None:
        told = done.stderr.strip() or f"exit code {done.returncode}"
        raise TaxiwayError(f"the run could not be repeated: {told}", edit=str(place.config))
    return record, folders[-1]


def _packages(record: RunRecord) -> list[Difference]:
    if not record.packages.releases:
        return []
    return list(of_packages(record.packages, packages_of(provenance({}, {}))))


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        *parents, last = key.split(".")
        here = nested
        for part in parents:
            here = here.setdefault(part, {})
        here[last] = value
    return nested
