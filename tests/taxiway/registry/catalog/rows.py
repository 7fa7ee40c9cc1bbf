"""Rows of the registry as tests of the catalog need them, written straight into the tables."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Connection, insert

from taxiway.registry.database.tables import aliases, model_versions, now
from taxiway.registry.versions.records import ModelVersion, read_version


def add_version(connection: Connection, subject: str, **columns: Any) -> ModelVersion:
    """A version such as `flights/1.2.7`; what is not given is plausible."""
    model, _, name = subject.partition("/")
    major, minor, pipeline = map(int, name.split("."))
    digest = hashlib.sha256(subject.encode()).hexdigest()
    values: dict[str, Any] = {
        "model": model,
        "name": name,
        "major": major,
        "minor": minor,
        "pipeline": pipeline,
        "run_id": f"run-{model}-{name}",
        "author": "ann",
        "model_digest": digest,
        "contract_digest": "c" * 64,
        "pipeline_digest": "p" * 64,
        "contract": {},
        "reasons": {},
        "baseline": {},
        "metrics": {},
        "facts": {},
        "checks": {},
        "pushed_to": f"/serving/{model}/{name}",
        "created_at": now(),
    }
    made = connection.execute(insert(model_versions).values(values | columns))
    key = made.inserted_primary_key
    assert key is not None
    return read_version(connection, int(key[0]))


def add_alias(connection: Connection, version: ModelVersion, alias: str) -> None:
    """An alias of a version."""
    values = {"model": version.candidate.model, "alias": alias, "version_id": version.id}
    connection.execute(insert(aliases).values(values | {"changed_at": now()}))
