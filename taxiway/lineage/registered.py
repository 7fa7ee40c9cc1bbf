"""What the registry knows of versions beside their lineage: states, aliases, where they served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from taxiway.metadata.records import ArtifactRecord
from taxiway.registry.database.tables import (
    aliases,
    deploy_queue,
    deployments,
    model_versions,
    version_states,
)

VERSION_TYPE: Final = "ModelVersion"


@dataclass(frozen=True)
class Served:
    """A time in which a version served."""

    environment: str
    place: str
    since: str
    until: str
    """Empty while it serves."""


@dataclass(frozen=True)
class RegisteredVersion:
    """A version as the registry has it."""

    model: str
    name: str
    run_id: str
    model_digest: str
    created_at: str
    archived: bool = False
    aliases: tuple[str, ...] = ()
    states: tuple[tuple[str, str], ...] = ()
    """Environment and state."""
    served: tuple[Served, ...] = ()
    queued: tuple[str, ...] = ()
    """Environments for which it waits in the deploy queue."""

    @property
    def subject(self) -> str:
        """Such as `flights/1.2.7`."""
        return f"{self.model}/{self.name}"


def read_registered(connection: Connection, models: Iterable[str]) -> list[RegisteredVersion]:
    """All versions of some models, in five queries."""
    names = sorted(set(models))
    versions = model_versions.c
    columns = (
        *(versions.id, versions.model, versions.name, versions.run_id, versions.model_digest),
        *(versions.created_at, versions.archived),
    )
    rows = connection.execute(
        select(*columns).where(versions.model.in_(names)).order_by(versions.id)
    ).all()
    aliased = _grouped(
        (row.version_id, row.alias)
        for row in connection.execute(select(aliases).where(aliases.c.model.in_(names)))
    )
    states = _grouped(
        (row.version_id, (row.environment, row.state))
        for row in connection.execute(
            select(version_states).join(model_versions).where(versions.model.in_(names))
        )
    )
    served = _grouped(
        (
            (row.model, row.version),
            Served(row.environment, row.place, row.since, row.until),
        )
        for row in connection.execute(
            select(deployments).where(deployments.c.model.in_(names)).order_by(deployments.c.since)
        )
    )
    waits = deploy_queue.c.state.in_(("waiting", "taken"))
    queued = _grouped(
        ((row.model, row.version), row.environment)
        for row in connection.execute(
            select(deploy_queue).where(deploy_queue.c.model.in_(names), waits)
        )
    )
    return [
        RegisteredVersion(
            *(row.model, row.name, row.run_id, row.model_digest, row.created_at, row.archived),
            aliases=tuple(sorted(aliased.get(row.id, ()))),
            states=tuple(sorted(states.get(row.id, ()))),
            served=tuple(served.get((row.model, row.name), ())),
            queued=tuple(sorted(set(queued.get((row.model, row.name), ())))),
        )
        for row in rows
    ]


def by_artifact(
    artifacts: Mapping[int, ArtifactRecord], versions: Iterable[RegisteredVersion]
) -> dict[int, RegisteredVersion]:
    """The version that each ModelVersion artifact stands for.

    Another registry may have given another model the same name: the digest must be the same too.
    """
    known = {(one.model, one.name, one.model_digest): one for one in versions}
    found = {}
    for artifact in artifacts.values():
        if artifact.type == VERSION_TYPE:
            of = artifact.properties
            name, digest = str(of.get("version_name", "")), str(of.get("digest", ""))
            version = known.get((model_of(artifact), name, digest))
            if version is not None:
                found[artifact.id] = version
    return found


def model_of(artifact: ArtifactRecord) -> str:
    """The model of a ModelVersion artifact."""
    return str(artifact.properties.get("model_name", ""))


def _grouped(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found
