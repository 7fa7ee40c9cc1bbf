"""What a database's errors mean to who reads them, and which of them another try can help.

Servers tell what is wrong by codes; a table gives each code its sentence and the key to edit.
Passwords are in no message: drivers do not repeat them, and nothing here asks for one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.database.connection import ServerConnection

if TYPE_CHECKING:
    from taxiway.registry.section import Registry

T = TypeVar("T")
_LONGEST: Final = 300
GRANTS: Final = {
    "mysql": (
        "CREATE DATABASE IF NOT EXISTS {database}; GRANT ALL ON {database}.* TO '{user}'@'%';"
    ),
    "postgresql": "CREATE DATABASE {database}; ALTER DATABASE {database} OWNER TO {user};",
}
"""What an administrator of the server runs, by kind."""


@dataclass(frozen=True)
class Meaning:
    """Of an error.

    Args:
      told: what is wrong; `{why}` is what the server said.
      edit: what mends it.
      passes: whether it may be gone at the next try.
      is_config: whether nothing was started, since the config cannot be right.
    """

    told: str
    edit: str
    passes: bool = False
    is_config: bool = False


_NOT_LET_IN: Final = Meaning(
    "{host}:{port} does not let {user} in: {why}",
    "registry.user, or the password in {password_env} (registry.password_env)",
    is_config=True,
)
MISSING: Final = Meaning(
    "there is no database {database} at {host}:{port}, and {user} may not make it: {why}",
    "as an administrator of the server: {grants}",
    is_config=True,
)
_NO_RIGHTS: Final = Meaning(
    "{user} may not keep the registry in the database {database} at {host}:{port}: {why}",
    "as an administrator of the server: {grants}",
    is_config=True,
)
_UNREACHABLE: Final = Meaning(
    "no database answers at {host}:{port}: {why}",
    "registry.host or registry.port; is the server up?",
    passes=True,
)
_UNKNOWN_HOST: Final = Meaning(
    "no machine is known as {host}: {why}", "registry.host", is_config=True
)
OTHER_KIND: Final = Meaning(
    "what answers at {host}:{port} does not speak as a server of kind {kind} does",
    "registry.kind or registry.port",
    is_config=True,
)
_GONE: Final = Meaning(
    "the registry {place} went away in the middle: {why}; what had begun is undone, unless the "
    "very end of it was not heard of any more",
    "registry.host: is the server up? Then do it again: what is done is not done twice",
    passes=True,
)
_BUSY: Final = Meaning(
    "the registry {place} was held by others for too long: {why}", "do it again", passes=True
)
_OTHER_SERVER: Final = Meaning("the registry {place} failed: {why}", "registry.host")
_OTHER_FILE: Final = Meaning("the registry {place} failed: {why}", "registry.path")
MEANINGS: Final[dict[str, Meaning]] = {
    # MySQL's and MariaDB's numbers
    "1040": _UNREACHABLE,  # too many connections
    "1044": _NO_RIGHTS,
    "1045": _NOT_LET_IN,
    "1049": MISSING,
    "1053": _GONE,  # shutting down
    "1130": _NOT_LET_IN,  # not from this machine
    "1142": _NO_RIGHTS,
    "1205": _BUSY,
    "1213": _BUSY,
    "1698": _NOT_LET_IN,
    "2003": _UNREACHABLE,
    "2006": _GONE,
    "2013": _GONE,
    # PostgreSQL's SQLSTATEs
    "28000": _NOT_LET_IN,
    "28P01": _NOT_LET_IN,
    "3D000": MISSING,
    "40001": _BUSY,
    "40P01": _BUSY,
    "42501": _NO_RIGHTS,
    "53300": _UNREACHABLE,  # too many connections
    "55P03": _BUSY,
    "57P01": _GONE,  # shutting down
    "57P02": _GONE,
    "57P03": _UNREACHABLE,  # starting up
}
_WORDS: Final[dict[str, Meaning]] = {  # of errors without a code
    "Name or service not known": _UNKNOWN_HOST,
    "No address associated": _UNKNOWN_HOST,
    "Can't create a connection": _UNREACHABLE,
    "no password was provided": _NOT_LET_IN,
    "network error": _GONE,
    "connection is closed": _GONE,
    "database is locked": _BUSY,
}


def meaning_of(error: Exception) -> Meaning | None:
    """What an error means; None for one that is known only as it is."""
    said = why(error)
    for words, meaning in _WORDS.items():
        if words in said:
            return meaning
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return MEANINGS.get(_code(error), _GONE if lost else None)


def explained(error: Exception, settings: Registry, meaning: Meaning | None = None) -> TaxiwayError:
    """An error as its reader needs it.

    Args:
      error: of the database, or of a driver that did not understand what it read.
      settings: the section that says where it is.
      meaning: in the place of what the error means by itself.
    """
    on_server = isinstance(settings, ServerConnection)
    found = meaning or meaning_of(error) or (_OTHER_SERVER if on_server else _OTHER_FILE)
    values = {"place": settings.place, "why": why(error), "kind": settings.kind}
    if isinstance(settings, ServerConnection):
        values |= {key: str(value) for key, value in settings.model_dump().items()}
        values["password_env"] = settings.password_env or "no variable"
        values["grants"] = GRANTS[values["kind"]].format_map(values)
    kind = ConfigError if found.is_config else TaxiwayError
    return kind(found.told.format_map(values), edit=found.edit.format_map(values))


def patiently(act: Callable[[], T], settings: Registry) -> T:
    """Does something again and again while the database is away; it is whole or undone each time.

    Args:
      act: what to do: it must not have changed anything where it fails.
      settings: the section; its kind says how long the database may be away.

    Raises:
      SQLAlchemyError: of the last try, or of the first that no other can help.
    """

    def warn(state: RetryCallState) -> None:
        error = state.outcome and state.outcome.exception()
        assert isinstance(error, SQLAlchemyError)
        logging.warning("registry %s, try %d: %s", settings.place, state.attempt_number, why(error))

    return Retrying(
        retry=retry_if_exception(_passes),
        wait=wait_random_exponential(multiplier=0.2, max=5.0),
        # A try may by itself take longer than that.
        stop=stop_after_attempt(2) & stop_after_delay(settings.PATIENCE_SECONDS),
        before_sleep=warn,
        reraise=True,
    )(act)


def _passes(error: BaseException) -> bool:
    meaning = meaning_of(error) if isinstance(error, SQLAlchemyError) else None
    return meaning is not None and meaning.passes


def why(error: Exception) -> str:
    """What the server or the system said, without the statement."""
    if not isinstance(error, DBAPIError) or error.orig is None:
        return " ".join(str(error).split())[:_LONGEST]
    args = error.orig.args
    said = args[0].get("M", "") if args and isinstance(args[0], dict) else ""
    said = said or (str(args[-1]) if args else str(error.orig))
    below: BaseException | None = error.orig.__cause__
    while below is not None and not isinstance(below, OSError):
        below = below.__cause__
    said = f"{said} ({below})" if below is not None and str(below) not in said else said
    return " ".join(said.split())[:_LONGEST]


def _code(error: Exception) -> str:
    """The server's own: a number of MySQL's, or an SQLSTATE of PostgreSQL's; else empty."""
    args = error.orig.args if isinstance(error, DBAPIError) and error.orig is not None else ()
    if not args:
        return ""
    return str(args[0].get("C", "")) if isinstance(args[0], dict) else str(args[0])
