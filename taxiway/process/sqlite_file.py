"""Whether a file can serve as one of Taxiway's SQLite databases, known before anything needs it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from taxiway.errors import ConfigError

UNUSABLE_EDIT: Final = "{key}, or restore the file from a backup, or move it away to begin anew"
CHECKED_BYTES: Final = 256 * 2**20
"""A larger file is not read through: it would take longer than it is worth."""


def check_sqlite(path: Path, key: str, table: str) -> None:
    """Refuses a file that is not to be used; one that is missing or empty is fine.

    It only reads, so that who works on the file meanwhile is not held up.

    Args:
      path: of the database.
      key: of the config, that names it.
      table: that a database of this purpose has.

    Raises:
      ConfigError: it is no file, no SQLite database, another program's, or cannot be written.
    """
    if not path.exists():
        return
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no regular file"
        raise ConfigError(f"{key}: {path} is {what}, expected an SQLite database", edit=key)
    try:
        with path.open("r+b"):
            pass
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = {name for (name,) in rows}
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, key, error) from None
    if tables and table not in tables:
        shown = ", ".join(sorted(tables)[:5])
        raise ConfigError(
            f"{key}: {path} is a database of something else: it has no table '{table}', "
            f"but {shown[:200]}",
            edit=key,
        )


def check_whole(path: Path, key: str) -> None:
    """Reads a database through; for who holds the lock on it, since a writer would have to wait.

    Raises:
      ConfigError: it is damaged.
    """
    if not path.is_file() or path.stat().st_size > CHECKED_BYTES:
        return
    try:
        with closing(sqlite3.connect(path)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise _unusable(path, key, error) from None
    if found != "ok":
        raise _unusable(path, key, found.splitlines()[-1])


def _unusable(path: Path, key: str, why: object) -> ConfigError:
    reason = getattr(why, "strerror", None) or str(why)
    return ConfigError(
        f"{key}: {path} cannot be used: {reason[:200]}",
        edit=UNUSABLE_EDIT.format(key=key),
    )
