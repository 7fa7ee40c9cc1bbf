"""Every view twice: a page for people, and the same as JSON at the same path with `.json`.

A view is a function that reads: its parameters are those of the address, its answer a document.
FastAPI makes the JSON form and its place in the OpenAPI document of the annotations; the page is a
template that is given the document. Each text on a page is made printable, and escaped.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import jinja2
from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from taxiway.terminal import printable
from taxiway.ui.people.doorkeeper import Known, Visitor
from taxiway.ui.site import Site
from taxiway.ui.words import FILTERS, GLOBALS

TEMPLATES: Final = Path(__file__).parent / "templates"


class Problem(BaseModel):
    """Why a request was refused."""

    error: str


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"model": Problem, "description": "What came in, and what was expected"},
    "5XX": {"model": Problem, "description": "The registry does not answer"},
}


class Pages:
    """Adds views to a router.

    Args:
      router: that answers.
      site: what views are made from.
    """

    def __init__(self, router: APIRouter, site: Site) -> None:
        self.router, self.site = router, site

    def add(self, path: str, template: str, read: Callable[..., Any]) -> None:
        """A view.

        Args:
          path: of the page, such as `/runs/{run}`.
          template: a file in `templates`; its `page` is the document.
          read: from the parameters of the address to a document.
        """

        def page(
            request: Request,
            visitor: Known,
            document: Annotated[BaseModel, Depends(read)],
        ) -> Response:
            if wants_json(request):
                return Response(document.model_dump_json(), media_type="application/json")
            return self.render(request, visitor, template, page=document)

        self.router.add_api_route(f"{path}.json", read, methods=["GET"], responses=PROBLEMS)
        methods = ["GET", "HEAD"]
        self.router.add_api_route(path, page, methods=methods, include_in_schema=False)

    def render(
        self,
        request: Request,
        visitor: Visitor | None,
        template: str,
        status: int = 200,
        **values: Any,
    ) -> HTMLResponse:
        """A template's page, and the cookie for a browser that has none.

        Args:
          request: that is answered.
          visitor: who asks; None where nobody has been let in.
          template: a file in `templates`.
          status: of HTTP.
          **values: what the template asks for, beside what all are given.
        """
        doorkeeper = self.site.doorkeeper
        session = visitor.session if visitor else doorkeeper.session(request)
        text = (
            _environment()
            .get_template(template)
            .render(
                here=request.url.path,
                here_as_json=_as_json(request),
                query=dict(request.query_params),
                visitor=visitor,
                session=session,
                **values,
            )
        )
        response = HTMLResponse(text, status)
        if session.is_new:
            doorkeeper.remember(request, response, session)
        return response


def wants_json(request: Request) -> bool:
    """Whether a client is a program: by its path, or by `Accept` and not for a page as well."""
    accepted = request.headers.get("accept", "")
    by_header = "application/json" in accepted and "text/html" not in accepted
    return by_header or request.url.path.endswith((".json", ".svg"))


def back_to(place: str) -> RedirectResponse:
    """After a form: the browser asks for a page, which must be one of ours."""
    inside = place.startswith("/") and not place.startswith(("//", "/\\"))
    return RedirectResponse(place if inside else "/", 303)


def _as_json(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}.json{query}"


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: printable(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(GLOBALS)
    environment.filters.update(FILTERS)
    return environment
