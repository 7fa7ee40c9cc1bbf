"""The registry's database: its tables, and the one way to write in it.

`PRAGMA user_version` says which tables a file has. An older file is brought up to date when it is
first opened; one of a newer release is refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.process.sqlite_file import check_sqlite

_TABLES: Final = (
    """
CREATE TABLE IF NOT EXISTS model_versions (
  id INTEGER PRIMARY KEY,
  model TEXT NOT NULL,
  major INTEGER NOT NULL,
  minor INTEGER NOT NULL,
  pipeline INTEGER NOT NULL,
  run_id TEXT NOT NULL,
  model_digest TEXT NOT NULL,
  contract_digest TEXT NOT NULL,
  pipeline_digest TEXT NOT NULL,
  pushed_to TEXT NOT NULL,
  metrics TEXT NOT NULL,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  UNIQUE (model, major, minor, pipeline),
  UNIQUE (model, model_digest)
)
""",
    """
CREATE TABLE IF NOT EXISTS deploy_queue (
  id INTEGER PRIMARY KEY,
  model TEXT NOT NULL,
  version TEXT NOT NULL,
  pushed_to TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'taken', 'done')),
  taken_by TEXT,
  lease_until REAL,
  takes INTEGER NOT NULL DEFAULT 0
)
""",
)
VERSION: Final = 1
"""0: each version was queued once. 1: each push of it is, so an entry says where it was pushed."""
_KEPT: Final = "id, model, version, state, taken_by, lease_until, takes"


@contextmanager
def transaction(path: str | Path) -> Iterator[sqlite3.Connection]:
    """A write transaction on the registry's database, which is made where it is missing.

    Raises:
      TaxiwayError: the file cannot be opened, is no SQLite database, or is a newer release's.
    """
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=60.0, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise TaxiwayError(
            f"cannot open the registry {path}: {error}", edit="registry.path"
        ) from error
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        _bring_up_to_date(connection, path)
        yield connection
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise TaxiwayError(f"the registry {path} failed: {error}", edit="registry.path") from error
    finally:
        connection.close()


def check_registry(path: str | Path) -> None:
    """Refuses a file that no version could be registered in; makes none.

    Raises:
      ConfigError: it is no SQLite database, is damaged or another program's, or cannot be written.
    """
    check_sqlite(Path(path), "registry.path", "model_versions")
    if Path(path).is_file():
        with closing(sqlite3.connect(path)) as connection:
            _check_version(connection, path)


def _bring_up_to_date(connection: sqlite3.Connection, path: str | Path) -> None:
    """Makes the tables, or those of today from an older release's, within the transaction."""
    found = _check_version(connection, path)
    columns = [row[1] for row in connection.execute("PRAGMA table_info(deploy_queue)")]
    older = bool(columns) and found == 0
    if older:
        connection.execute("ALTER TABLE deploy_queue RENAME TO deploy_queue_0")
    for table in _TABLES:
        connection.execute(table)
    if older:
        connection.execute(
            f"INSERT INTO deploy_queue ({_KEPT}) SELECT {_KEPT} FROM deploy_queue_0"  # noqa: S608  # names of columns, ours
        )
        connection.execute("DROP TABLE deploy_queue_0")
    if found != VERSION:
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _check_version(connection: sqlite3.Connection, path: str | Path) -> int:
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if found > VERSION:
        raise ConfigError(
            f"the registry {path} is of a newer Taxiway: its tables are those of version {found}, "
            f"and this release knows them up to {VERSION}",
            edit="registry.path, or upgrade Taxiway",
        )
    return found
