"""Passwords and tokens: in the environment, or in a file that the environment names.

As the images of MariaDB and PostgreSQL have it: `NAME` holds it, or `NAME_FILE` the path of a file
that does. What is mounted from a cluster's secret is in no process's environment.
"""

from __future__ import annotations

import os
from pathlib import Path

from taxiway.errors import ConfigError

_MOST_BYTES = 64 * 1024


def secret_of(variable: str) -> str | None:
    """What the environment's variable holds, or the file that `<variable>_FILE` names.

    Blanks and ends of lines around what is in a file are none of it. A file that is not there is as
    if none was named, for a cluster's secret may be optional.

    Raises:
      ConfigError: the file cannot be read, or is too large for a secret.
    """
    if variable in os.environ:
        return os.environ[variable]
    path = os.environ.get(f"{variable}_FILE", "")
    if not path:
        return None
    try:
        with Path(path).open("rb") as file:
            found = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}", edit=f"{variable}_FILE"
        ) from None
    try:
        if len(found) <= _MOST_BYTES:
            return found.decode().strip()
    except UnicodeDecodeError:
        pass
    raise ConfigError(f"{path} is no secret: expected text of one line", edit=f"{variable}_FILE")


def password_of(variable: str, owner: str, section: str) -> str:
    """A database server's password; empty where none is asked for.

    Args:
      variable: see `secret_of`; empty means that none is asked for.
      owner: whose it is, for the message, such as `taxiway at db.example.com`.
      section: of the config, which has the key `password_env`.

    Raises:
      ConfigError: there is none.
    """
    if not variable:
        return ""
    found = secret_of(variable)
    if found is None:
        raise ConfigError(
            f"the environment has no {variable}, which holds the password of {owner}",
            edit=f"{section}.password_env (empty where no password is asked for)",
        )
    return found
