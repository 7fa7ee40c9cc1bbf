"""Who acts in this process: the token's actor, or the operating system's user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taxiway.registry.auth.actor import Actor, system_actor
from taxiway.registry.auth.token_env import token_text
from taxiway.registry.auth.tokens import actor_of

if TYPE_CHECKING:
    from taxiway.registry.database.session import Database


def current_actor(database: Database) -> Actor:
    """By the token of `token_text`, or else the operating system's user.

    Whether the actor may change something is looked up as it does: see `Database.changing`. The
    system's user may as long as no token was ever made for the registry.

    Raises:
      NotAllowed: there is a token, and it is none of this registry's that can be used.
      ConfigError: its file cannot be read.
    """
    text = token_text()
    if not text:
        return system_actor()
    with database.reading() as connection:
        return actor_of(connection, text)
