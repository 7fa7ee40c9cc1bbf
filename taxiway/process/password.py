"""Passwords of database servers: in the environment, under the name that a config gives."""

from __future__ import annotations

import os

from taxiway.errors import ConfigError


def password_of(variable: str, owner: str, section: str) -> str:
    """The password; empty where none is asked for.

    Args:
      variable: of the environment; empty means that none is asked for.
      owner: whose it is, for the message, such as `taxiway at db.example.com`.
      section: of the config, which has the key `password_env`.

    Raises:
      ConfigError: the variable is not set.
    """
    if not variable:
        return ""
    try:
        return os.environ[variable]
    except KeyError:
        raise ConfigError(
            f"the environment has no {variable}, which holds the password of {owner}",
            edit=f"{section}.password_env (empty where no password is asked for)",
        ) from None
