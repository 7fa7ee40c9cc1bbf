"""Who acts in this process: the token's actor, or the operating system's user."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from taxiway.registry.auth.actor import TOKEN_ENV, Actor, system_actor
from taxiway.registry.auth.tokens import actor_of

if TYPE_CHECKING:
    from taxiway.registry.database.session import Database


def current_actor(database: Database) -> Actor:
    """By the token in the environment's TAXIWAY_TOKEN, or else the operating system's user.

    Whether the actor may change something is looked up as it does: see `Database.changing`. The
    system's user may as long as no token was ever made for the registry.

    Raises:
      NotAllowed: there is a token, and it is none of this registry's that can be used.
    """
    text = os.environ.get(TOKEN_ENV, "").strip()
    if not text:
        return system_actor()
    with database.reading() as connection:
        return actor_of(connection, text)
