"""Names that move from version to version, and the versions that are put away."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.approval.states import require_approved, require_unarchived
from taxiway.registry.auth.actor import Actor, Permission, require
from taxiway.registry.database.session import Change, Database
from taxiway.registry.database.tables import (
    aliases,
    deploy_queue,
    deployments,
    model_versions,
    now,
)
from taxiway.registry.versions.records import ModelVersion, read_version

NAMED: Final = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
"""What an alias looks like: champion, candidate, nightly-2."""
LONGEST: Final = 63


def aliases_of(connection: Connection, version: ModelVersion) -> dict[str, bool]:
    """By alias of a version, whether it is protected."""
    of = aliases.c
    query = select(of.alias, of.protected).where(of.version_id == version.id).order_by(of.alias)
    return {row.alias: bool(row.protected) for row in connection.execute(query)}


def move_alias(
    database: Database,
    version: ModelVersion,
    alias: str,
    actor: Actor,
    protected: Collection[str] = (),
    environment: str = "",
    reason: str = "",
) -> str:
    """Gives a version an alias, which another version of the model may have had.

    Args:
      database: the registry.
      version: what the alias is to mean.
      alias: its name.
      actor: who moves it.
      protected: aliases that mean approved versions only, and that approvers move. One that was
        protected once stays so, whatever a later config says, until it is taken away.
      environment: where the version has to be approved.
      reason: why.

    Returns:
      The name of the version that had it; empty where none had.

    Raises:
      ConfigError: it cannot be an alias.
      NotAllowed: the actor may not move it.
      TaxiwayError: the version is archived, or not approved and the alias protected.
    """
    _check(alias)
    model = version.candidate.model
    with database.changing(actor, Permission.ANNOTATE) as change:
        connection = change.connection
        require_unarchived(connection, version)
        is_protected = alias in protected or _is_kept(connection, alias)
        if is_protected:
            require(actor, Permission.APPROVE, connection)
            require_approved(connection, version, environment)
        before = _meant(connection, model, alias)
        name = before.name if before is not None else ""
        this = (aliases.c.model == model) & (aliases.c.alias == alias)
        connection.execute(delete(aliases).where(this))
        values = {"model": model, "alias": alias, "version_id": version.id}
        values |= {"protected": is_protected, "changed_at": now()}
        connection.execute(insert(aliases).values(values))
        if name != version.name:
            old = {"version": name} if name else None
            change.record("alias.moved", f"{model}@{alias}", old, {"version": version.name}, reason)
        return name


def remove_alias(
    database: Database,
    version: ModelVersion,
    alias: str,
    actor: Actor,
    protected: Collection[str] = (),
    reason: str = "",
) -> None:
    """Takes an alias from the version that has it; arguments as of `move_alias`.

    Raises:
      ConfigError: the version has no such alias.
      NotAllowed: the actor may not.
    """
    with database.changing(actor, Permission.ANNOTATE) as change:
        there = aliases_of(change.connection, version)
        if alias not in there:
            raise ConfigError(
                f"{version.subject} has no alias '{alias}' (it has: {', '.join(there) or 'none'})",
                edit="ALIAS",
            )
        if there[alias] or alias in protected:
            require(actor, Permission.APPROVE, change.connection)
        _take(change, version, alias, reason)


def archive(database: Database, version: ModelVersion, actor: Actor, reason: str) -> list[str]:
    """Puts a version away: lists leave it out, and it is neither approved nor deployed any more.

    Returns:
      The aliases that it had, which it loses.

    Raises:
      NotAllowed: the actor may not.
      TaxiwayError: it serves, is queued to, or has a protected alias.
    """
    with database.changing(actor, Permission.ANNOTATE) as change:
        connection = change.connection
        if read_version(connection, version.id).archived:
            return []
        there = aliases_of(connection, version)
        _require_idle(connection, version)
        kept = [name for name, is_protected in there.items() if is_protected]
        if kept:
            raise TaxiwayError(
                f"{version.subject} is the model's {kept[0]}, and cannot be archived",
                edit=f"`taxiway models alias OTHER {kept[0]}` first",
            )
        for name in there:
            _take(change, version, name, reason)
        _set_archived(change, version, True, reason)
        return list(there)


def unarchive(database: Database, version: ModelVersion, actor: Actor, reason: str) -> None:
    """Brings a version back; what it was approved for it still is.

    Raises:
      NotAllowed: the actor may not.
    """
    with database.changing(actor, Permission.ANNOTATE) as change:
        if read_version(change.connection, version.id).archived:
            _set_archived(change, version, False, reason)


def _require_idle(connection: Connection, version: ModelVersion) -> None:
    """Raises where a version serves, or will as soon as a deployer looks."""
    model, name = version.candidate.model, version.name
    served, queued = deployments.c, deploy_queue.c
    serves = (served.model == model) & (served.version == name) & (served.until == "")
    found = connection.execute(select(served.environment).where(serves).limit(1)).one_or_none()
    if found is not None:
        where = f" in {found.environment}" if found.environment else ""
        raise TaxiwayError(
            f"{version.subject} serves{where}, and cannot be archived",
            edit="deploy another version first, or `taxiway models rollback`",
        )
    waits = (queued.model == model) & (queued.version == name)
    waits &= queued.state.in_(("waiting", "taken"))
    if connection.execute(select(queued.id).where(waits).limit(1)).one_or_none() is not None:
        raise TaxiwayError(
            f"{version.subject} is queued to be deployed, and cannot be archived",
            edit="`taxiway deploy`, and then another version",
        )


def _set_archived(change: Change, version: ModelVersion, archived: bool, reason: str) -> None:
    this = model_versions.c.id == version.id
    change.connection.execute(update(model_versions).where(this).values(archived=archived))
    action = "version.archived" if archived else "version.unarchived"
    change.record(
        action, version.subject, {"archived": not archived}, {"archived": archived}, reason
    )


def _take(change: Change, version: ModelVersion, alias: str, reason: str) -> None:
    model = version.candidate.model
    this = (aliases.c.model == model) & (aliases.c.alias == alias)
    change.connection.execute(delete(aliases).where(this))
    change.record("alias.removed", f"{model}@{alias}", {"version": version.name}, None, reason)


def _meant(connection: Connection, model: str, alias: str) -> ModelVersion | None:
    """The version that an alias means."""
    of = aliases.c
    query = select(of.version_id).where(of.model == model, of.alias == alias)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else read_version(connection, found)


def _is_kept(connection: Connection, alias: str) -> bool:
    """Whether the registry has this alias as a protected one, of any model."""
    kept = (aliases.c.alias == alias) & aliases.c.protected.is_(True)
    return connection.execute(select(aliases.c.alias).where(kept).limit(1)).first() is not None


def _check(alias: str) -> None:
    if len(alias) > LONGEST or not NAMED.fullmatch(alias):
        raise ConfigError(
            f"'{alias}' cannot be an alias: expected lower-case letters and digits, in words with "
            f"hyphens between them, {LONGEST} characters at most",
            edit="ALIAS, such as candidate",
        )
