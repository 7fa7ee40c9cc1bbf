"""What a project keeps in `.taxiway.yaml`: what it was made with, so that it can be upgraded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import yaml

from taxiway.errors import ConfigError

NAME: Final = ".taxiway.yaml"
_ABOUT: Final = "# Written by `taxiway new project` and `taxiway upgrade`, which reads it.\n"


@dataclass(frozen=True)
class Record:
    """What makes one project's files differ from another's."""

    name: str
    """Of the project."""
    version: str
    """Of Taxiway, whose template the project has."""
    source: str
    """Where that version comes from, as `--source` takes it; a wheel is below the project."""
    example: bool
    """Whether the project was made with the example."""

    def text(self) -> str:
        """The file."""
        return _ABOUT + yaml.safe_dump(asdict(self), sort_keys=False)


def read_record(project: Path) -> Record:
    """The record of a project.

    Raises:
      ConfigError: the project has none, or it is not what `taxiway new project` wrote.
    """
    path = project / NAME
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        record = Record(**values)
        kinds = [type(value) for value in asdict(record).values()]
    except FileNotFoundError:
        raise ConfigError(
            f"{project} has no {NAME}, so it was not made by `taxiway new project`",
            edit="the current folder; a fork of the repository merges upstream's changes by git",
        ) from None
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", edit=str(path)) from None
    if kinds != [str, str, str, bool]:
        raise ConfigError(f"{path} has values of wrong types: {values}", edit=str(path))
    return record
