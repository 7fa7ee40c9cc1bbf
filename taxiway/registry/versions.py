"""Model versions: MAJOR.MINOR.PIPELINE numbers and the records they stand for, in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Candidate:
    """A pushed model, before it has a number.

    The digests are sha256: of the SavedModel's files, of the contract with callers (columns in,
    values out, label), and of the code and config that made it.
    """

    model: str
    run_id: str
    model_digest: str
    contract_digest: str
    pipeline_digest: str
    pushed_to: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class ModelVersion:
    """A candidate with its number."""

    number: tuple[int, int, int]
    candidate: Candidate
    created_at: str

    @property
    def name(self) -> str:
        """`MAJOR.MINOR.PIPELINE`."""
        return ".".join(str(part) for part in self.number)


def next_number(previous: ModelVersion | None, candidate: Candidate) -> tuple[int, int, int]:
    """The number of a new model, after the newest one of its name.

    MAJOR rises when callers must change (the contract differs), MINOR with each model trained
    under the same contract, PIPELINE when the code or config that made it differs from the last.
    """
    if previous is None:
        return (1, 0, 0)
    major, minor, pipeline = previous.number
    if previous.candidate.contract_digest != candidate.contract_digest:
        return (major + 1, 0, 0)
    changed = previous.candidate.pipeline_digest != candidate.pipeline_digest
    return (major, minor + 1, pipeline + int(changed))


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


def register(path: str | Path, candidate: Candidate) -> ModelVersion:
    """Gives a pushed model its number; a model that has one already keeps it."""
    with transaction(path) as connection:
        same = _read(
            connection,
            "WHERE model = ? AND model_digest = ?",
            (candidate.model, candidate.model_digest),
        )
        if same:
            return same[0]
        newest = _read(connection, "WHERE model = ? ORDER BY id DESC LIMIT 1", (candidate.model,))
        number = next_number(newest[0] if newest else None, candidate)
        connection.execute(
            "INSERT INTO model_versions (model, major, minor, pipeline, run_id, model_digest,"
            " contract_digest, pipeline_digest, pushed_to, metrics)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                candidate.model,
                *number,
                candidate.run_id,
                candidate.model_digest,
                candidate.contract_digest,
                candidate.pipeline_digest,
                candidate.pushed_to,
                json.dumps(dict(candidate.metrics), sort_keys=True),
            ),
        )
        return _read(connection, "WHERE id = last_insert_rowid()", ())[0]


def list_versions(path: str | Path, model: str) -> list[ModelVersion]:
    """All versions of a model, oldest first."""
    with transaction(path) as connection:
        return _read(connection, "WHERE model = ? ORDER BY id", (model,))


def _read(
    connection: sqlite3.Connection, where: str, values: tuple[object, ...]
) -> list[ModelVersion]:
    rows = connection.execute(f"SELECT * FROM model_versions {where}", values)  # noqa: S608  # `where` is ours
    return [
        ModelVersion(
            number=(row["major"], row["minor"], row["pipeline"]),
            candidate=Candidate(
                model=row["model"],
                run_id=row["run_id"],
                model_digest=row["model_digest"],
                contract_digest=row["contract_digest"],
                pipeline_digest=row["pipeline_digest"],
                pushed_to=row["pushed_to"],
                metrics=json.loads(row["metrics"]),
            ),
            created_at=row["created_at"],
        )
        for row in rows
    ]
