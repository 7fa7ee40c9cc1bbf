"""Approving and rejecting by hand: what `taxiway models approve` and `reject` do, and no more.

The policy on record judges, the role of whoever asks has to permit it, and the audit has it.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from taxiway.registry.approval.decisions import approve, reject
from taxiway.registry.approval.states import State
from taxiway.registry.auth.actor import Actor
from taxiway.ui.pages import PROBLEMS, Pages, back_to
from taxiway.ui.people.doorkeeper import Known
from taxiway.ui.people.forms import form_of
from taxiway.ui.views.models.version import named
from taxiway.ui.words import link

Decided = Literal["approve", "reject"]
DECISIONS = {"approve": approve, "reject": reject}


class Wanted(BaseModel):
    """A decision.

    Args:
      environment: that it holds for; null for the config's.
      reason: why; a rejection needs one.
    """

    model_config = ConfigDict(extra="forbid")

    environment: Annotated[str, Field(max_length=100)] | None = None
    reason: Annotated[str, Field(max_length=10_000)] = ""


class Now(BaseModel):
    """The state of a version.

    Args:
      version: such as flights/1.2.7.
      environment: in which it holds.
      state: pending, approved or rejected.
      reason: of a pending one what is missing.
      changed_at: since when.
    """

    version: str
    environment: str
    state: str
    reason: str
    changed_at: str


def add(pages: Pages) -> None:
    """Adds `/models/{model}/{version}/approve` and `/reject`, for forms and for programs."""
    site = pages.site

    def decide(model: str, version: str, decision: Decided, actor: Actor, wanted: Wanted) -> Now:
        found = named(site.database, model, version)
        environment = site.environment if wanted.environment is None else wanted.environment
        act = DECISIONS[decision]
        state: State = act(site.database, found, environment, actor, wanted.reason)
        return Now(version=found.subject, environment=environment, **asdict(state))

    def by_program(
        model: str, version: str, decision: Decided, wanted: Wanted, visitor: Known
    ) -> Now:
        """Approve a version, or reject it; it is queued once its policy asks for nothing more."""
        return decide(model, version, decision, visitor.actor, wanted)

    async def by_form(
        model: str, version: str, decision: Decided, request: Request, visitor: Known
    ) -> Response:
        fields = await form_of(request, visitor.session)
        wanted = Wanted.model_validate(fields)
        await asyncio.to_thread(decide, model, version, decision, visitor.actor, wanted)
        return back_to(link("models", model, version))

    path = "/models/{model}/{version}/{decision}"
    arguments: dict[str, Any] = {"methods": ["POST"]}
    pages.router.add_api_route(f"{path}.json", by_program, responses=PROBLEMS, **arguments)
    pages.router.add_api_route(path, by_form, include_in_schema=False, **arguments)
