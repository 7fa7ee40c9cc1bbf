"""The lineage of a subject: ML Metadata's events, and what the registry knows of versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from taxiway.errors import ConfigError, did_you_mean
from taxiway.lineage.graph import Graph, Reached
from taxiway.lineage.registered import (
    VERSION_TYPE,
    RegisteredVersion,
    by_artifact,
    model_of,
    read_registered,
)
from taxiway.lineage.subjects import EXIT_SUFFIX, KINDS, find_artifacts
from taxiway.metadata.connection import Metadata, SqliteMetadata
from taxiway.metadata.records import RunRecord, StoreContent
from taxiway.registry.catalog.references import find
from taxiway.registry.database.session import Database

MODEL_TYPE: Final = "Model"
PUSHED_TYPE: Final = "PushedModel"
PUSHED_RUN: Final = "pipeline_run_id"
"""A property of a PushedModel: the run that pushed it."""


@dataclass(frozen=True)
class Lineage:
    """What there is to know of a subject."""

    subject: str
    """As it is written everywhere, such as `flights/1.2.7` or `span:3`."""
    kind: str
    """Of KINDS, or `version`."""
    starts: tuple[int, ...]
    """The artifacts that it stands for; none where ML Metadata has lost them."""
    graph: Graph
    versions: Mapping[int, RegisteredVersion]
    """By ModelVersion artifact."""
    version: RegisteredVersion | None = None
    """Where the subject is one."""
    facts: Mapping[str, object] | None = None
    """What the registry itself has kept of how that version was made."""
    missing: str = ""
    """Why ML Metadata has nothing of it."""

    @cached_property
    def backwards(self) -> Reached | None:
        """What it is made of; None where that is not asked of such a subject."""
        asked = self.kind == "version" or KINDS[self.kind].backwards
        return self.graph.backwards(self.starts) if asked else None

    @cached_property
    def forwards(self) -> Reached | None:
        """What was made of it."""
        asked = self.kind != "version" and KINDS[self.kind].forwards
        return self.graph.forwards(self.starts) if asked else None

    @cached_property
    def of_models(self) -> Mapping[int, str]:
        """The version under which each pushed Model is registered, by artifact."""
        artifacts, found = self.graph.content.artifacts, dict[int, str]()
        for artifact, version in sorted(self.versions.items()):
            for pushed in self.graph.made_of(artifact):
                if artifacts[pushed.artifact].type == PUSHED_TYPE:
                    for model in self.graph.made_of(pushed.artifact):
                        if artifacts[model.artifact].type == MODEL_TYPE:
                            found[model.artifact] = version.subject
        return found

    @property
    def starts_are_shown(self) -> bool:
        """Whether what it stands for is of interest by itself, and not as part of a run."""
        return self.kind not in ("run", "commit")

    @cached_property
    def pushed_again(self) -> tuple[int, ...]:
        """Other ModelVersion artifacts of the same version: runs that have pushed it once more."""
        return tuple(
            artifact
            for artifact, version in sorted(self.versions.items())
            if self.version is not None
            and version.subject == self.version.subject
            and artifact not in self.starts
        )

    @cached_property
    def beside(self) -> tuple[int, ...]:
        """What the run of a version put out that the version is not made of, nor made into."""
        if self.version is None or self.backwards is None or not self.starts:
            return ()
        linked = {*self.backwards.artifacts, *self.graph.forwards(self.starts).artifacts}
        found = {
            event.artifact_id
            for execution, events in self.graph.outputs.items()
            if self.graph.content.executions[execution].run_id == self.version.run_id
            for event in events
        }
        return tuple(sorted(found - linked))

    @cached_property
    def artifacts(self) -> tuple[int, ...]:
        """All that any part of it names."""
        found = {*self.starts, *self.beside, *self.pushed_again}
        for reached in (self.backwards, self.forwards):
            found |= set(reached.artifacts) if reached else set()
        return tuple(sorted(found))

    @cached_property
    def runs(self) -> tuple[RunRecord, ...]:
        """The runs that made what is named, oldest first; not those that took it from the cache."""
        makers = filter(None, map(self.graph.maker, self.artifacts))
        ids = {one.run_id.removesuffix(EXIT_SUFFIX) for one in makers}
        found = (self.graph.content.runs[one] for one in ids if one in self.graph.content.runs)
        return tuple(sorted(found, key=lambda one: (one.started_ms, one.run_id)))


def collect(subject: str, model: str, metadata: Metadata, database: Database) -> Lineage:
    """The lineage of what the command line names.

    Args:
      subject: a version, or one of KINDS with a value, such as `span:3`.
      model: whose version is meant where a version names no model.
      metadata: the config's section.
      database: the registry.

    Raises:
      ConfigError: there is no such thing; with what there is.
    """
    kind, colon, value = subject.strip().partition(":")
    if not colon:
        return _of_version(subject, model, metadata, database)
    if kind not in KINDS:
        examples = ", ".join(one.example for one in KINDS.values())
        raise ConfigError(
            f"'{kind}' is no kind of subject{did_you_mean(kind, KINDS)}",
            edit=f"SUBJECT: a version, such as flights/1.2.7, or one of: {examples}",
        )
    content = _content(metadata)
    if content is None:
        raise ConfigError(_no_store(metadata), edit="metadata.path, or make the first run")
    graph = Graph(content)
    starts = find_artifacts(graph, kind, value.strip())
    versions = _registered(database, content)
    return Lineage(f"{kind}:{value.strip()}", kind, tuple(starts), graph, versions)


def _of_version(subject: str, model: str, metadata: Metadata, database: Database) -> Lineage:
    with database.reading() as connection:
        named = find(connection, subject, model)
        registered = read_registered(connection, [named.candidate.model])
    version = next(one for one in registered if one.subject == named.subject)
    content = _content(metadata)
    graph = Graph(content or StoreContent({}, {}, (), {}))
    versions = _registered(database, graph.content)
    starts = _artifacts_of(graph, version, versions, named.candidate.artifact_uri)
    missing = ""
    if content is None:
        missing = _no_store(metadata)
    elif not starts:
        missing = f"ML Metadata knows neither run {version.run_id} nor what it pushed"
    return Lineage(
        *(named.subject, "version", starts, graph, versions),
        version=version,
        facts=dict(named.candidate.facts),
        missing=missing,
    )


def _artifacts_of(
    graph: Graph,
    version: RegisteredVersion,
    versions: Mapping[int, RegisteredVersion],
    pushed_uri: str,
) -> tuple[int, ...]:
    """The artifact that stands for a version: its own of the run that made it, else the push."""
    own = sorted(one for one, of in versions.items() if of.subject == version.subject)
    first = [one for one in own if _run_of(graph, one) == version.run_id]
    if own:
        return tuple(first[:1] or own[:1])
    pushed = [
        one.id
        for one in graph.content.artifacts.values()
        if one.type == PUSHED_TYPE
        and (one.uri == pushed_uri or one.properties.get(PUSHED_RUN) == version.run_id)
    ]
    return tuple(sorted(pushed)[:1])


def _run_of(graph: Graph, artifact: int) -> str:
    maker = graph.maker(artifact)
    return maker.run_id if maker else ""


def _registered(database: Database, content: StoreContent) -> dict[int, RegisteredVersion]:
    artifacts = content.artifacts
    models = {model_of(one) for one in artifacts.values() if one.type == VERSION_TYPE}
    if not models:
        return {}
    with database.reading() as connection:
        return by_artifact(artifacts, read_registered(connection, models))


def _content(metadata: Metadata) -> StoreContent | None:
    """None where there is no store yet, or no more, and asking it would make one."""
    if isinstance(metadata, SqliteMetadata) and not Path(metadata.path).is_file():
        return None
    from taxiway.metadata.content import read_content  # ML Metadata takes a second to import
    from taxiway.metadata.store import run_store

    return read_content(run_store(metadata))


def _no_store(metadata: Metadata) -> str:
    place = metadata.path if isinstance(metadata, SqliteMetadata) else metadata.kind
    return f"there is no ML Metadata at {place}"
