"""The application: its views, who may see them, and what a browser may do with them.

No page has a script. What people write, and what comes from data, is text in all of them; the
policy that browsers are told would keep them from doing anything with it even if it were not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends, FastAPI, Security
from fastapi.responses import RedirectResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.responses import Response

from taxiway.access import same_origin
from taxiway.access.http import App
from taxiway.access.tokens import BearerTokens
from taxiway.config.schema import Config
from taxiway.html.page import COMMON
from taxiway.registry.database.session import Database
from taxiway.ui.errors import add_errors
from taxiway.ui.pages import Pages
from taxiway.ui.people.doorkeeper import Doorkeeper, visitor_of
from taxiway.ui.people.sessions import Sessions
from taxiway.ui.site import Site
from taxiway.ui.views import audit, lineage, login, openapi
from taxiway.ui.views.models import catalog, decisions, version
from taxiway.ui.views.runs import compare, listing, report, run

POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",  # with none at all, forms would say that they are of `null`
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
FORM: Final = "application/x-www-form-urlencoded"
STYLES: Final = (COMMON / "charts.css", COMMON / "style.css", Path(__file__).parent / "ui.css")
"""The look of all pages of ours, and what these have beside it."""
HOUR: Final = 3_600.0
VIEWS: Final = (listing, run, report, compare, catalog, version, decisions, lineage, audit)
"""Each adds its addresses to those for which someone has to be let in."""


def make_app(config: Config, database: Database, host: str) -> App:
    """The application, for a port that is bound to a host.

    Raises:
      ConfigError: others than this machine would come, and the registry has no token.
    """
    tokens = BearerTokens(database)
    sessions = Sessions(config.ui.session_hours * HOUR)
    is_secure = bool(config.ui.tls.certificate)
    doorkeeper = Doorkeeper(database, tokens, sessions, host, is_secure)
    doorkeeper.check()
    site = Site(config, database, doorkeeper)
    app = FastAPI(
        title="Taxiway",
        description="Runs, models, lineage and the audit, as `taxiway ui` shows them.",
        openapi_url=None,  # it is a view like the others
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lambda _: _closing(tokens),
    )
    app.state.doorkeeper = doorkeeper
    inside = APIRouter(dependencies=[Depends(visitor_of), Depends(_bearer)])
    pages = Pages(inside, site)
    for view in VIEWS:
        view.add(pages)
    openapi.add(pages, app.openapi)
    add_errors(app, pages)
    _add_open(app)
    login.add(Pages(app.router, site))
    app.include_router(inside)
    return same_origin.guarded(app, host, HEADERS, (FORM, "application/json"))


async def _bearer(
    _: Annotated[
        HTTPAuthorizationCredentials | None, Security(HTTPBearer(auto_error=False))
    ] = None,
) -> None:
    """For the OpenAPI document; the doorkeeper reads the header."""


def _add_open(app: FastAPI) -> None:
    """What anyone may ask for."""
    style = "".join(path.read_text(encoding="utf-8") for path in STYLES)

    @app.get("/style.css", include_in_schema=False)
    async def css() -> Response:
        return Response(style, media_type="text/css", headers={"cache-control": "max-age=600"})

    @app.get("/healthz", include_in_schema=False)
    async def live() -> dict[str, bool]:
        return {"live": True}

    @app.get("/", include_in_schema=False)
    async def root() -> Response:
        return RedirectResponse("/runs")


@asynccontextmanager
async def _closing(tokens: BearerTokens) -> AsyncIterator[None]:
    try:
        yield
    finally:
        tokens.close()
