"""Who asks: by the token of a request, by the session of a browser, or the user of this machine.

On loopback nobody needs a token to look, and whoever has none acts as the operating system's user,
as on the command line: where the registry has tokens, that user may change nothing. Bound
elsewhere, everyone needs one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from taxiway.access.refusal import Code, Refusal
from taxiway.access.tokens import BearerTokens
from taxiway.errors import ConfigError
from taxiway.registry.auth.actor import (
    Actor,
    NotAllowed,
    Role,
    any_token,
    system_actor,
    usable_token,
)
from taxiway.registry.database.session import Database
from taxiway.section import is_loopback
from taxiway.ui.people.sessions import Session, Sessions

NEEDED: Final = "a token is needed: log in with one, or send `Authorization: Bearer`"


class FromElsewhere(Exception):  # noqa: N818  # a way round, not an error
    """A link on another site was followed, so the browser has kept its cookie to itself."""


@dataclass(frozen=True)
class Visitor:
    """Who asks, and with which browser."""

    actor: Actor
    session: Session


class Doorkeeper:
    """Knows who asks.

    Args:
      database: the registry.
      tokens: its tokens.
      sessions: of browsers.
      host: that the port is bound to.
      is_secure: whether it answers with TLS.
    """

    def __init__(
        self,
        database: Database,
        tokens: BearerTokens,
        sessions: Sessions,
        host: str,
        is_secure: bool,
    ) -> None:
        self.sessions = sessions
        self._database, self._tokens = database, tokens
        self._is_here, self._is_secure = is_loopback(host), is_secure

    def check(self) -> None:
        """Refuses to be bound where others come from while nobody could log in.

        Raises:
          ConfigError: the registry never had a token.
        """
        if self._is_here:
            return
        with self._database.reading() as connection:
            if any_token(connection):
                return
        raise ConfigError(
            "the page is for others than this machine, where everyone needs a token, and the "
            "registry has none",
            edit="`taxiway auth token create --role admin`; or ui.host, with 127.0.0.1",
        )

    async def visitor(self, request: Request) -> Visitor:
        """Who asks.

        Raises:
          FromElsewhere: the browser is to ask again.
          Refusal: a token is needed, or is not good.
        """
        header = request.headers.get("authorization", "")
        session = self.session(request)
        if header:
            actor = await self._tokens.actor(header.encode("latin-1"))
            return Visitor(actor, session)
        if session.is_new and _follows_a_link(request):
            raise FromElsewhere
        if session.actor:
            known = await asyncio.to_thread(self._still, session, session.actor)
            if known:
                return Visitor(known, session)
        client = request.client.host if request.client else ""
        if self._is_here and is_loopback(client):
            return Visitor(system_actor(), session)
        raise Refusal(Code.UNAUTHENTICATED, NEEDED)

    async def log_in(self, text: str) -> Session:
        """A new session, by a token.

        Raises:
          Refusal: it is not good.
        """
        actor = await self._tokens.actor(b"Bearer " + text.strip().encode("latin-1", "replace"))
        return self.sessions.log_in(actor)

    def session(self, request: Request) -> Session:
        """The browser's."""
        return self.sessions.of(request.cookies.get(self._cookie(request), ""))

    def remember(self, request: Request, response: Response, session: Session) -> None:
        """Gives the browser its cookie."""
        response.set_cookie(
            self._cookie(request),
            session.name,
            secure=self._is_secure,
            httponly=True,
            samesite="strict",
        )

    def _cookie(self, request: Request) -> str:
        """Browsers share cookies between the ports of a host, so its name has the port."""
        prefix = "__Host-" if self._is_secure else ""
        return f"{prefix}taxiway-{request.url.port or 0}"

    def _still(self, session: Session, actor: Actor) -> Actor | None:
        """Whoever logged in, as the registry has the token now; None where it is good no more."""
        try:
            with self._database.reading() as connection:
                row = usable_token(connection, actor.token)
        except NotAllowed:
            self.sessions.log_out(session.name)
            return None
        return Actor(row.name, "token", Role(row.role), actor.token)


async def visitor_of(request: Request) -> Visitor:
    """Who asks, as the application's doorkeeper knows; for FastAPI."""
    keeper: Doorkeeper = request.app.state.doorkeeper
    return await keeper.visitor(request)


Known = Annotated[Visitor, Depends(visitor_of)]
"""A parameter of a view that has to know who asks."""


def _follows_a_link(request: Request) -> bool:
    """A strict cookie stays at home then, even where there is one; asked again, it comes along."""
    headers = request.headers
    return (
        request.method == "GET"
        and headers.get("sec-fetch-site") == "cross-site"
        and headers.get("sec-fetch-mode") == "navigate"
    )
