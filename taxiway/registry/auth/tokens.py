"""Tokens: `taxiway_<public part>_<secret>`, shown once, of which the registry keeps a hash.

A row is found by the public part, and argon2id says whether the secret is its own. Messages, the
audit and listings name a token by the public part; the prefix is there for scanners of secrets.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from taxiway.errors import ConfigError, did_you_mean
from taxiway.registry.auth.actor import (
    Actor,
    NotAllowed,
    Permission,
    Role,
    any_token,
    require,
    usable_token,
)
from taxiway.registry.auth.token_env import TOKEN_ENV
from taxiway.registry.database.session import Change, Database
from taxiway.registry.database.tables import TIME_FORMAT, now, tokens
from taxiway.registry.times import parse_duration

_LOOKUP: Final = string.ascii_lowercase + string.digits
_LOOKUP_CHARACTERS: Final = 12
_SECRET: Final = string.ascii_letters + string.digits
_SECRET_CHARACTERS: Final = 43
"""256 bits: what cannot be guessed whatever the hash costs."""
PATTERN: Final = re.compile(r"taxiway_([a-z0-9]{12})_([A-Za-z0-9]{43})", re.ASCII)
"""For scanners of secrets too."""
_NAME: Final = re.compile(r"\w[\w.@+-]{0,99}")
_LONGEST: Final = timedelta(days=3660)

_verified: dict[str, str] = {}
"""sha256 of a token to the stored hash that it was found to be of: argon2 takes 0.1 s each time."""


@dataclass(frozen=True)
class Token:
    """What a token is, without what it proves itself by.

    Args:
      id: its public part.
      name: who acts with it.
      role: what it permits.
      created_by: the actor that made it.
      created_at: when.
      expires_at: from when on it is refused.
      revoked_at: since when it is refused; empty where it was not revoked.
    """

    id: str
    name: str
    role: str
    created_by: str
    created_at: str
    expires_at: str
    revoked_at: str = ""

    @property
    def state(self) -> str:
        """`usable`, `expired` or `revoked`."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at <= now() else "usable"


@dataclass(frozen=True)
class NewToken:
    """A token as it is made: `text` is shown once and kept nowhere."""

    token: Token
    text: str = field(repr=False)


def expiry(duration: str) -> str:
    """The time at which a token that is made now ends.

    Args:
      duration: such as `12h`, `30d`, `8w`.

    Raises:
      ConfigError: it is written otherwise, or longer than ten years.
    """
    length = parse_duration(duration)
    if length is None or length > _LONGEST:
        raise ConfigError(
            f"received the duration {duration[:40]!r}, expected hours, days or weeks up to ten "
            "years, such as 12h, 30d or 8w",
            edit="--expires",
        )
    return (datetime.now(timezone.utc) + length).strftime(TIME_FORMAT)


def create_token(
    database: Database, actor: Actor, name: str, role: Role, expires_at: str
) -> NewToken:
    """Makes a token; only here is its secret known.

    The first is made by the system's user and is an admin's: from then on changes need a token,
    and nobody else could make another. The same holds where no admin's can be used any more.

    Raises:
      ConfigError: the name cannot be one, or the first token would not be an admin's.
      NotAllowed: the actor may not.
    """
    name = unicodedata.normalize("NFC", name)
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"received the name {name[:100]!r}, expected letters, digits and . _ @ + -, at most "
            "100 of them",
            edit="--name",
        )
    public = "".join(secrets.choice(_LOOKUP) for _ in range(_LOOKUP_CHARACTERS))
    secret = "".join(secrets.choice(_SECRET) for _ in range(_SECRET_CHARACTERS))
    values = {"name": name, "role": role.value, "created_by": actor.name}
    values |= {"created_at": now(), "expires_at": expires_at}
    kept = {"lookup": public, "secret_hash": _hash(secret), **values}
    with database.working() as connection:
        change = Change(connection, actor)
        first = not _usable_admins(connection)
        if first and role is not Role.ADMIN:
            raise ConfigError(
                "the first token has to be an admin's: once there is one, changes need a token, "
                "and only an admin's makes more",
                edit="--role admin",
            )
        if not (first and actor.via == "system"):
            require(actor, Permission.ADMINISTER, connection)
        reason = "no admin's token was usable" if first and any_token(connection) else ""
        connection.execute(insert(tokens).values(kept))
        about = {"id": public, "role": role.value, "expires_at": expires_at}
        change.record("token.created", f"token:{name}", None, about, reason)
    return NewToken(Token(public, **values), f"taxiway_{public}_{secret}")


def list_tokens(database: Database) -> list[Token]:
    """All tokens, oldest first, those that are refused too."""
    with database.reading() as connection:
        return [_token(row) for row in connection.execute(select(tokens).order_by(tokens.c.id))]


def revoke_token(database: Database, actor: Actor, text: str, reason: str = "") -> Token:
    """Takes a token back, for good.

    Args:
      database: the registry.
      actor: who does.
      text: its public part, or the name that one usable token has.
      reason: for the audit.

    Raises:
      ConfigError: no token, or more than one, is meant.
      NotAllowed: the actor may not, or it is the last usable one of an admin.
    """
    with database.changing(actor, Permission.ADMINISTER) as change:
        connection = change.connection
        row = _meant(connection, text)
        if row.revoked_at:
            return _token(row)
        if [admin.id for admin in _usable_admins(connection)] == [row.id]:
            raise NotAllowed(
                f"{row.lookup} is the only token of an admin that can be used: make another first",
                edit="`taxiway auth token create --role admin`",
            )
        since = now()
        connection.execute(update(tokens).where(tokens.c.id == row.id).values(revoked_at=since))
        about = {"id": row.lookup, "revoked_at": since}
        change.record(
            "token.revoked",
            f"token:{row.name}",
            {"id": row.lookup, "revoked_at": ""},
            about,
            reason,
        )
        again = connection.execute(select(tokens).where(tokens.c.id == row.id)).one()
        return _token(again)


def actor_of(connection: Connection, text: str) -> Actor:
    """Who acts with a token.

    Raises:
      NotAllowed: it is none of this registry's that can be used. The text is in no message.
    """
    match = PATTERN.fullmatch(text)
    if match is None:
        raise NotAllowed(
            f"{TOKEN_ENV} holds no token: expected taxiway_, 12 characters, _ and 43 more",
            edit=TOKEN_ENV,
        )
    row = usable_token(connection, match[1])
    known = hashlib.sha256(text.encode()).hexdigest()
    if _verified.get(known) != row.secret_hash:
        if not _matches(row.secret_hash, match[2]):
            raise NotAllowed(
                f"the token {match[1]} has another secret in this registry", edit=TOKEN_ENV
            )
        _verified[known] = row.secret_hash
    return Actor(row.name, "token", Role(row.role), match[1])


def _hash(secret: str) -> str:
    from argon2 import PasswordHasher

    return PasswordHasher().hash(secret)


def _matches(secret_hash: str, secret: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return PasswordHasher().verify(secret_hash, secret)
    except (VerificationError, InvalidHashError):
        return False


def _usable_admins(connection: Connection) -> list[Row[Any]]:
    usable = (tokens.c.role == Role.ADMIN.value, tokens.c.revoked_at == "")
    query = select(tokens).where(*usable, tokens.c.expires_at > now())
    return list(connection.execute(query))


def _meant(connection: Connection, text: str) -> Row[Any]:
    rows = list(connection.execute(select(tokens).order_by(tokens.c.id)))
    by_id = [row for row in rows if row.lookup == text]
    by_name = [row for row in rows if row.name == text and _token(row).state == "usable"]
    found = by_id or by_name
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(row.lookup for row in found)
        raise ConfigError(f"{text} has {len(found)} usable tokens: {ids}", edit="the one to revoke")
    known = [word for row in rows for word in (row.lookup, row.name)]
    raise ConfigError(
        f"no usable token is named {text[:100]!r}{did_you_mean(text, known)}",
        edit="`taxiway auth token list` shows them",
    )


def _token(row: Row[Any]) -> Token:
    names = ("name", "role", "created_by", "created_at", "expires_at", "revoked_at")
    return Token(row.lookup, *(getattr(row, name) for name in names))
