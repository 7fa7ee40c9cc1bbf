"""Logging in with a token, and out again."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from taxiway.access.refusal import Code, Refusal
from taxiway.ui.pages import Pages, back_to
from taxiway.ui.people.forms import form_of


def add(pages: Pages) -> None:
    """Adds `/login` and `/logout`."""
    site = pages.site
    keeper = site.doorkeeper

    def form(request: Request) -> Response:
        return pages.render(request, None, "login.html", problem="")

    async def log_in(request: Request) -> Response:
        fields = await form_of(request, keeper.session(request))
        try:
            session = await keeper.log_in(fields.get("token", ""))
        except Refusal as refusal:
            if refusal.code is not Code.UNAUTHENTICATED:
                raise
            problem = "This is no token of this registry that can be used."
            return pages.render(request, None, "login.html", 401, problem=problem)
        response = back_to(fields.get("next", "/"))
        keeper.remember(request, response, session)
        return response

    async def log_out(request: Request) -> Response:
        session = keeper.session(request)
        await form_of(request, session)
        keeper.sessions.log_out(session.name)
        return back_to("/login")

    pages.router.add_api_route("/login", form, methods=["GET", "HEAD"], include_in_schema=False)
    pages.router.add_api_route("/login", log_in, methods=["POST"], include_in_schema=False)
    pages.router.add_api_route("/logout", log_out, methods=["POST"], include_in_schema=False)
