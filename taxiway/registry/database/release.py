"""Which releases a database may be of: the revisions of its tables that this one knows.

It imports nothing but Python's own, so that a file can be looked at before SQLAlchemy is loaded.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from taxiway.errors import ConfigError

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005")
"""Of migrations/versions, oldest first; the last is that of today."""
VERSION_TABLE: Final = "taxiway_registry_version"
"""Alembic's own; another Alembic, such as MLflow's, may share the server."""
USER_VERSION: Final = 2
"""`PRAGMA user_version` of an SQLite file with revisions, so that an older release refuses it by
name. Before there were revisions it was 0, then 1; see older_files.py."""
_HAS_REVISION: Final = f"SELECT 1 FROM sqlite_master WHERE name = '{VERSION_TABLE}'"  # noqa: S608  # ours
_REVISION: Final = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608  # ours


def check_revision(found: str, place: str, key: str = "registry.database") -> None:
    """Refuses tables that a newer release has made; none, and older ones, are fine.

    Args:
      found: the revision; empty where there is none.
      place: of the database, as messages name it.
      key: of the config, that names it.

    Raises:
      ConfigError: the revision is not known here.
    """
    if found and found not in REVISIONS:
        raise _newer(place, f"revision {found}", REVISIONS[-1], key)


def check_file(path: Path) -> None:
    """Refuses an SQLite file of a newer release, which is left byte for byte as it is.

    What is no database at all is left to whoever opens it.

    Raises:
      ConfigError: its tables are not known here.
    """
    if not path.is_file():
        return
    try:
        address = f"file:{quote(str(path.absolute()))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            (number,) = connection.execute("PRAGMA user_version").fetchone()
            tables = connection.execute(_HAS_REVISION).fetchall()
            found = connection.execute(_REVISION).fetchone() if tables else None
    except sqlite3.Error:
        return
    if number > USER_VERSION:
        raise _newer(str(path), f"version {number}", str(USER_VERSION), "registry.path")
    check_revision(found[0] if found else "", str(path), "registry.path")


def _newer(place: str, found: str, known: str, key: str) -> ConfigError:
    return ConfigError(
        f"the registry {place} is of a newer Taxiway: its tables are those of {found}, and this "
        f"release knows them up to {known}",
        edit=f"{key}, or upgrade Taxiway",
    )
