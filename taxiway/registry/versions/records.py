"""Model versions: the candidates that a run pushes, and the records that the registry keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, CursorResult, Row, Select, insert, select, update

from taxiway.registry.approval.admission import admit
from taxiway.registry.approval.recorded import recorded_policies
from taxiway.registry.auth.actor import Actor, Permission
from taxiway.registry.database.session import Change, Database
from taxiway.registry.database.tables import model_versions, now
from taxiway.registry.search.text import search_text
from taxiway.registry.versions.style import Numbered

if TYPE_CHECKING:
    from taxiway.registry.section import Registry


@dataclass(frozen=True)
class Candidate:
    """A pushed model, before it has a number.

    The digests are sha256: of the SavedModel's files, of names and kinds of inputs, label and task
    (by which versions of releases that kept no contract are compared), and of the code and config
    that made it.
    """

    model: str
    run_id: str
    model_digest: str
    contract_digest: str
    pipeline_digest: str
    pushed_to: str
    metrics: Mapping[str, float]
    contract: Mapping[str, Any] = field(default_factory=dict)
    """Inputs, outputs, label, definition: see `taxiway.registry.versions.contract`."""
    baseline: Mapping[str, Any] = field(default_factory=dict)
    """What the Evaluator compared it with on the same rows, empty where nothing: `version`,
    `model_digest`, `run_id` and `metrics` of that one; `change` (this minus that one) and
    `change_intervals` (95%) by metric, `better` (`higher` or `lower`) by metric, `main_metric`.
    Where there was one that could not be used, `unusable` alone says why."""
    mapping_digest: str = ""
    """Of the signature and of the answers to the probes, where the style is black_box."""
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


def register(database: Database, candidate: Candidate, actor: Actor) -> ModelVersion:
    """Gives a pushed model its number, in the style that the database's section names.

    One that is a version already stays that one, of which the record is then of its newest push.
    Either is put before the approval policy of its model.

    Raises:
      ConfigError: the config's policy is not the one on record.
    """
    style = database.settings.versioning
    with database.changing(actor, Permission.REGISTER) as change:
        connection = change.connection
        same = _same(connection, database.settings, candidate)
        if same is not None:
            _push_again(change, same, candidate)
            again = read_version(connection, same.id)
            admit(change, again, database.settings)
            return again
        newest = _newest(connection, candidate.model)
        in_series = _newest(connection, candidate.model, style.series) if style.series else newest
        numbered = style.number(candidate, newest, in_series)
        values = _values(candidate, numbered) | {"style": style.kind, "author": actor.name}
        made = connection.execute(insert(model_versions).values(**values, created_at=now()))
        version = read_version(connection, _id_of(made))
        after = {
            "run_id": candidate.run_id,
            "model_digest": candidate.model_digest,
            "reasons": dict(numbered.reasons),
        }
        change.record("version.registered", version.subject, None, after)
        admit(change, version, database.settings)
        return version


def _same(connection: Connection, settings: Registry, candidate: Candidate) -> ModelVersion | None:
    """The version that a candidate is already, the newest where there are several.

    What was approved is a content: where a policy holds the model's versions back in any
    environment, one that merely answers alike has to be approved itself.
    """
    style = settings.versioning
    policies = [one.approval for one in recorded_policies(connection, candidate.model)]
    guarded = any(policy.holds_back for policy in (settings.approval, *policies))
    for columns in style.same_as(candidate):
        query = _of(candidate.model, style.series).filter_by(**columns)
        for row in connection.execute(query.order_by(model_versions.c.id.desc())):
            version = version_of(row)
            is_other = version.candidate.model_digest != candidate.model_digest
            if style.is_same(version, candidate) and not (is_other and guarded):
                return version
    return None


def _push_again(change: Change, same: ModelVersion, candidate: Candidate) -> None:
    """Writes where a version was pushed to now, and what is there."""
    before, after = _of_the_push(same.candidate), _of_the_push(candidate)
    after |= {name: value for name, value in before.items() if not after[name]}
    if any(before[name] != after[name] for name in after if name not in _OF_EVERY_RUN):
        change.record("version.pushed_again", same.subject, before, after)
        change.connection.execute(
            update(model_versions).where(model_versions.c.id == same.id).values(**after)
        )


_OF_EVERY_RUN: Final = ("artifact_uri",)
"""TFX copies a model in each run, whether it is pushed or was there already."""


def _of_the_push(candidate: Candidate) -> dict[str, Any]:
    return {
        "pushed_to": candidate.pushed_to,
        "artifact_uri": candidate.artifact_uri,
        "model_digest": candidate.model_digest,
        "contract": dict(candidate.contract),
        "contract_digest": candidate.contract_digest,
        "signature": candidate.signature,
        "checks": dict(candidate.checks),
    }


def find_version(database: Database, model: str, model_digest: str) -> ModelVersion | None:
    """The version that a model's content has, the newest of several; None where it has none."""
    with database.reading() as connection:
        query = _of(model).where(model_versions.c.model_digest == model_digest)
        return _one(connection, query.order_by(model_versions.c.id.desc()))


def find_named(database: Database, model: str, name: str) -> ModelVersion | None:
    """A model's version by its name, such as `1.2.7`; None where there is none."""
    with database.reading() as connection:
        return _one(connection, _of(model).where(model_versions.c.name == name))


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


def _of(model: str, series: str = "") -> Select[Any]:
    """All versions of a model, or those whose names begin alike."""
    query = select(model_versions).where(model_versions.c.model == model)
    begins = model_versions.c.name.startswith(series, autoescape=True)
    return query.where(begins) if series else query


def _newest(connection: Connection, model: str, series: str = "") -> ModelVersion | None:
    return _one(connection, _of(model, series).order_by(model_versions.c.id.desc()))


def _one(connection: Connection, query: Select[Any]) -> ModelVersion | None:
    row = connection.execute(query.limit(1)).one_or_none()
    return None if row is None else version_of(row)


def _values(candidate: Candidate, numbered: Numbered) -> dict[str, Any]:
    major, minor, pipeline = numbered.number
    return {
        "model": candidate.model,
        "name": numbered.name,
        "major": major,
        "minor": minor,
        "pipeline": pipeline,
        "run_id": candidate.run_id,
        "model_digest": candidate.model_digest,
        "contract_digest": candidate.contract_digest,
        "pipeline_digest": candidate.pipeline_digest,
        "mapping_digest": candidate.mapping_digest,
        "contract": dict(candidate.contract),
        "reasons": dict(numbered.reasons),
        "baseline": dict(candidate.baseline),
        "metrics": dict(candidate.metrics),
        "facts": dict(candidate.facts),
        "checks": dict(candidate.checks),
        "pushed_to": candidate.pushed_to,
        "artifact_uri": candidate.artifact_uri,
        "signature": candidate.signature,
        "search_text": search_text(candidate.contract, candidate.facts, candidate.baseline),
    }
