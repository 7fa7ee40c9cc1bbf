"""What a refused request is answered: a page for people, a document for programs."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from taxiway.access import same_origin
from taxiway.access.refusal import Code, Refusal
from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.auth.actor import NotAllowed
from taxiway.ui.pages import Pages, back_to, wants_json
from taxiway.ui.people.doorkeeper import FromElsewhere
from taxiway.ui.words import link

STATUS: Final[dict[type[TaxiwayError], int]] = {ConfigError: 400, NotAllowed: 403}
"""Of an error that is no `Refusal`; of every other 409, where the registry answers."""
AGAIN: Final = (
    '<!doctype html><html lang="en"><meta http-equiv="refresh" content="0"><title>Taxiway</title>'
)
"""The same page again, asked for by a page of ours, so that the browser sends its cookie."""


def add_errors(app: FastAPI, pages: Pages) -> None:
    """Every error is told as whoever asked reads it."""

    def told(request: Request, status: int, message: str) -> Response:
        if wants_json(request):
            headers = {"www-authenticate": "Bearer"} if status == Code.UNAUTHENTICATED.http else {}
            return JSONResponse({"error": message}, status, headers)
        if status == Code.UNAUTHENTICATED.http and request.url.path != "/login":
            return back_to(link("login", next=_page(request)))
        return pages.render(request, None, "error.html", status, message=message)

    @app.exception_handler(TaxiwayError)
    async def known(request: Request, error: TaxiwayError) -> Response:
        if isinstance(error, Refusal):
            status = error.code.http
        else:
            status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 409)
        return told(request, status, error.message)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        places = [".".join(map(str, one["loc"][1:])) for one in error.errors()]
        parts = [
            f"{place}: {one['msg']}" for place, one in zip(places, error.errors(), strict=True)
        ]
        return told(request, 400, "; ".join(parts[:5])[:1_000])

    @app.exception_handler(HTTPException)
    async def of_http(request: Request, error: HTTPException) -> Response:
        answer = told(request, error.status_code, error.detail)
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(FromElsewhere)
    async def again(_: Request, __: FromElsewhere) -> Response:
        return HTMLResponse(AGAIN)


def _page(request: Request) -> str:
    """The page that was asked for, or from which a form was sent."""
    path = request.url.path
    if request.method not in same_origin.READS:
        return path.rpartition("/")[0]
    return f"{path}?{request.url.query}" if request.url.query else path
