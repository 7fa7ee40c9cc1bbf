"""Who acts on the registry, and what each role permits."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, select

from taxiway.errors import TaxiwayError
from taxiway.registry.auth.token_env import TOKEN_ENV
from taxiway.registry.database.tables import now, tokens


class Role(Enum):
    """Of a token."""

    VIEWER = "viewer"
    AUTHOR = "author"
    APPROVER = "approver"
    DEPLOYER = "deployer"
    ADMIN = "admin"


class Permission(Enum):
    """What a change is, as far as roles go."""

    REGISTER = "register"
    """Versions and queue entries, as a run makes them."""
    ANNOTATE = "annotate"
    """Tags, notes, cards, unprotected aliases, archiving."""
    APPROVE = "approve"
    """Approve, reject, promote, protected aliases."""
    DEPLOY = "deploy"
    """Roll back, and acknowledge what serves."""
    ADMINISTER = "administer"
    """Tokens and policies."""


PERMITTED: Final[dict[Role, frozenset[Permission]]] = {
    Role.VIEWER: frozenset(),
    Role.AUTHOR: frozenset({Permission.REGISTER, Permission.ANNOTATE}),
    Role.APPROVER: frozenset({Permission.ANNOTATE, Permission.APPROVE}),
    Role.DEPLOYER: frozenset({Permission.DEPLOY}),
    Role.ADMIN: frozenset(Permission),
}


class NotAllowed(TaxiwayError):  # noqa: N818  # nothing is broken
    """An actor may not do what it asked for."""


@dataclass(frozen=True)
class Actor:
    """Who acts.

    Args:
      name: as the audit writes it.
      via: how it is known: by a token, as the operating system's user, or as the policy itself.
      role: of the token; the system's user may do all as long as no token was ever made.
      token: the public part of the token, by which each change looks whether it still holds.
    """

    name: str
    via: Literal["token", "system", "policy"]
    role: Role
    token: str = ""


def system_actor() -> Actor:
    """The operating system's user, whatever the environment's LOGNAME or USER says."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user may have no name
        name = f"uid {os.getuid()}"
    return Actor(name, "system", Role.ADMIN)


def require(actor: Actor, permission: Permission, connection: Connection) -> None:
    """Raises where the actor may not: by its role, or without a token where tokens exist.

    It looks within the transaction of the change, so a token that was revoked or ran out since the
    actor was made is refused, and what the role is goes by the table.

    Raises:
      NotAllowed: with what is wrong with the token, or the roles that may.
    """
    role = actor.role
    if actor.via == "token":
        role = Role(usable_token(connection, actor.token).role)
    elif actor.via == "system" and any_token(connection):
        raise NotAllowed(
            f"{actor.name} has no token, and since tokens were made for this registry, to "
            f"{permission.value} takes one",
            edit=f"{TOKEN_ENV}, with a token of `taxiway auth token create`",
        )
    if permission not in PERMITTED[role]:
        roles = ", ".join(role.value for role, may in PERMITTED.items() if permission in may)
        raise NotAllowed(
            f"{actor.name} has the role {role.value}, and to {permission.value} takes one "
            f"of: {roles}",
            edit=f"{TOKEN_ENV}, with a token of `taxiway auth token create`",
        )


def any_token(connection: Connection) -> bool:
    """Whether a token was ever made; one that was revoked or ran out counts."""
    return connection.execute(select(tokens.c.id).limit(1)).first() is not None


def usable_token(connection: Connection, lookup: str) -> Row[Any]:
    """The row of a token, by its public part.

    Raises:
      NotAllowed: this registry has no such token, or it was revoked or ran out.
    """
    row = connection.execute(select(tokens).where(tokens.c.lookup == lookup)).one_or_none()
    if row is None:
        raise NotAllowed(f"this registry knows no token {lookup}", edit=TOKEN_ENV)
    if row.revoked_at:
        raise NotAllowed(f"the token of {row.name} was revoked at {row.revoked_at}", edit=TOKEN_ENV)
    if row.expires_at <= now():
        raise NotAllowed(f"the token of {row.name} expired at {row.expires_at}", edit=TOKEN_ENV)
    return row
