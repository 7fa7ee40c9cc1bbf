"""The registry's database: its tables, and the one way to write in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from taxiway.errors import TaxiwayError

_TABLES = """
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
);
CREATE TABLE IF NOT EXISTS deploy_queue (
  id INTEGER PRIMARY KEY,
  model TEXT NOT NULL,
  version TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'taken', 'done')),
  taken_by TEXT,
  lease_until REAL,
  takes INTEGER NOT NULL DEFAULT 0,
  UNIQUE (model, version)
);
"""


@contextmanager
def transaction(path: str | Path) -> Iterator[sqlite3.Connection]:
    """A write transaction on the registry's database, which is made where it is missing.

    Raises:
      TaxiwayError: the file cannot be opened or is no SQLite database.
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
        connection.executescript(_TABLES)
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise TaxiwayError(f"the registry {path} failed: {error}", edit="registry.path") from error
    finally:
        connection.close()
