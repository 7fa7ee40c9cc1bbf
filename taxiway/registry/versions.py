"""Model versions: MAJOR.MINOR.PIPELINE numbers and the records they stand for, in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from taxiway.registry.database import transaction


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


def register(path: str | Path, candidate: Candidate) -> ModelVersion:
    """Gives a pushed model its number; one that has a number keeps it, with its newest place."""
    with transaction(path) as connection:
        key = (candidate.model, candidate.model_digest)
        connection.execute(
            "UPDATE model_versions SET pushed_to = ? WHERE model = ? AND model_digest = ?",
            (candidate.pushed_to, *key),
        )
        same = _read(connection, "WHERE model = ? AND model_digest = ?", key)
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


def find_version(path: str | Path, model: str, model_digest: str) -> ModelVersion | None:
    """The version that a model's content has; None where it has none."""
    with transaction(path) as connection:
        found = _read(connection, "WHERE model = ? AND model_digest = ?", (model, model_digest))
        return found[0] if found else None


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
