"""Who acts on the registry, and what each role permits."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from sqlalchemy import Connection

from taxiway.errors import TaxiwayError


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
      role: of the token; the system's user may do all as long as no token exists.
    """

    name: str
    via: Literal["token", "system", "policy"]
    role: Role


def system_actor() -> Actor:
    """The operating system's user."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        name = f"uid {os.getuid()}"
    return Actor(name, "system", Role.ADMIN)


def require(actor: Actor, permission: Permission, connection: Connection) -> None:  # noqa: ARG001  # tokens will be looked up
    """Raises where the actor may not: by its role, or without a token where tokens exist.

    Raises:
      NotAllowed: with the role that may.
    """
    if permission not in PERMITTED[actor.role]:
        roles = ", ".join(role.value for role, may in PERMITTED.items() if permission in may)
        raise NotAllowed(
            f"{actor.name} has the role {actor.role.value}, and to {permission.value} takes one "
            f"of: {roles}",
            edit="TAXIWAY_TOKEN, or `taxiway auth token create`",
        )
