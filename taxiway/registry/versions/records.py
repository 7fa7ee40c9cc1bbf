"""Model versions: the candidates that a run pushes, and the records that the registry keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, CursorResult, Row, Select, insert, select, update

from taxiway.registry.approval.admission import admit
from taxiway.registry.auth.actor import Actor, Permission
from taxiway.registry.catalog.text import search_text
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import model_versions, now


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
    contract: Mapping[str, Any] = field(default_factory=dict)
    """What the digest is of: inputs, label, definition, outputs."""
    baseline: Mapping[str, Any] = field(default_factory=dict)
    """What the Evaluator compared it with: version, model_digest, metrics; empty where nothing."""
    mapping_digest: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Of the run, for the model card: data, intended columns, training, slices, value ranges."""
    checks: Mapping[str, bool] = field(default_factory=dict)
    """By name, whether it passed: evaluator, infra_validator, manifest, signature."""
    artifact_uri: str = ""
    """TFX's own copy of what was pushed."""
    signature: str = ""


@dataclass(frozen=True)
class ModelVersion:
    """A candidate with its number."""

    number: tuple[int, int, int]
    candidate: Candidate
    created_at: str
    id: int = 0
    name: str = ""
    style: str = "semantic"
    author: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Of each part of the number, why it is as it is."""
    archived: bool = False
    card: Mapping[str, str] = field(default_factory=dict)
    """What people wrote in the model card, by field; see catalog/cards.py."""

    @property
    def subject(self) -> str:
        """As the audit and the command line name it: `flights/1.2.7`."""
        return f"{self.candidate.model}/{self.name}"


def next_number(previous: ModelVersion | None, candidate: Candidate) -> tuple[int, int, int]:
    """The number of a new model, after the newest one of its name."""
    if previous is None:
        return (1, 0, 0)
    major, minor, pipeline = previous.number
    if previous.candidate.contract_digest != candidate.contract_digest:
        return (major + 1, 0, 0)
    changed = previous.candidate.pipeline_digest != candidate.pipeline_digest
    return (major, minor + 1, pipeline + int(changed))


def register(database: Database, candidate: Candidate, actor: Actor) -> ModelVersion:
    """Gives a pushed model its number; one that has a number keeps it, with its newest place.

    Either is put before the approval policy of its model.

    Raises:
      ConfigError: the config's policy is not the one on record.
    """
    with database.changing(actor, Permission.REGISTER) as change:
        connection = change.connection
        same = _one(connection, _of(candidate.model, model_digest=candidate.model_digest))
        if same is not None:
            if same.candidate.pushed_to != candidate.pushed_to:
                places = {"pushed_to": candidate.pushed_to, "artifact_uri": candidate.artifact_uri}
                before = {"pushed_to": same.candidate.pushed_to}
                change.record("version.pushed_again", same.subject, before, places)
                connection.execute(
                    update(model_versions).where(model_versions.c.id == same.id).values(places)
                )
            again = read_version(connection, same.id)
            admit(change, again, database.settings)
            return again
        newest = _one(connection, _of(candidate.model).order_by(model_versions.c.id.desc()))
        number = next_number(newest, candidate)
        values = _values(candidate, number) | {"author": actor.name, "created_at": now()}
        made = connection.execute(insert(model_versions).values(values))
        version = read_version(connection, _id_of(made))
        change.record("version.registered", version.subject, None, {"run_id": candidate.run_id})
        admit(change, version, database.settings)
        return version


def find_version(database: Database, model: str, model_digest: str) -> ModelVersion | None:
    """The version that a model's content has; None where it has none."""
    with database.reading() as connection:
        return _one(connection, _of(model, model_digest=model_digest))


def list_versions(database: Database, model: str) -> list[ModelVersion]:
    """All versions of a model, oldest first."""
    with database.reading() as connection:
        rows = connection.execute(_of(model).order_by(model_versions.c.id))
        return [version_of(row) for row in rows]


def read_version(connection: Connection, version_id: int) -> ModelVersion:
    """A version by its row."""
    query = select(model_versions).where(model_versions.c.id == version_id)
    return version_of(connection.execute(query).one())


def version_of(row: Row[Any]) -> ModelVersion:
    """A version from a row of `model_versions`."""
    return ModelVersion(
        number=(row.major, row.minor, row.pipeline),
        candidate=Candidate(
            model=row.model,
            run_id=row.run_id,
            model_digest=row.model_digest,
            contract_digest=row.contract_digest,
            pipeline_digest=row.pipeline_digest,
            pushed_to=row.pushed_to,
            metrics=row.metrics,
            contract=row.contract,
            baseline=row.baseline,
            mapping_digest=row.mapping_digest,
            facts=row.facts,
            checks=row.checks,
            artifact_uri=row.artifact_uri,
            signature=row.signature,
        ),
        created_at=row.created_at,
        id=row.id,
        name=row.name,
        style=row.style,
        author=row.author,
        reasons=row.reasons,
        archived=row.archived,
        card=row.card,
    )


def _id_of(made: CursorResult[Any]) -> int:
    key = made.inserted_primary_key
    assert key is not None
    return int(key[0])


def _of(model: str, **columns: str) -> Select[Any]:
    query = select(model_versions).where(model_versions.c.model == model)
    return query.filter_by(**columns)


def _one(connection: Connection, query: Select[Any]) -> ModelVersion | None:
    row = connection.execute(query.limit(1)).one_or_none()
    return None if row is None else version_of(row)


def _values(candidate: Candidate, number: tuple[int, int, int]) -> dict[str, Any]:
    major, minor, pipeline = number
    return {
        "model": candidate.model,
        "name": f"{major}.{minor}.{pipeline}",
        "major": major,
        "minor": minor,
        "pipeline": pipeline,
        "run_id": candidate.run_id,
        "model_digest": candidate.model_digest,
        "contract_digest": candidate.contract_digest,
        "pipeline_digest": candidate.pipeline_digest,
        "mapping_digest": candidate.mapping_digest,
        "contract": dict(candidate.contract),
        "reasons": {},
        "baseline": dict(candidate.baseline),
        "metrics": dict(candidate.metrics),
        "facts": dict(candidate.facts),
        "checks": dict(candidate.checks),
        "pushed_to": candidate.pushed_to,
        "artifact_uri": candidate.artifact_uri,
        "signature": candidate.signature,
        "search_text": search_text(candidate.contract, candidate.facts, candidate.baseline),
    }
