"""The audit: who changed what, when and why, newest first."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel

from taxiway.registry.audit.log import Query as Wanted
from taxiway.registry.audit.log import read_log
from taxiway.registry.times import parse_moment
from taxiway.ui.pages import Pages
from taxiway.ui.views.fields import AT_ONCE, Limit
from taxiway.ui.words import link

Word = Annotated[str, Query(max_length=300)]


class Audit(BaseModel):
    """Entries of the audit.

    Args:
      entries: newest first, each with what it was before and after.
      next: address of those before; empty where there are none.
    """

    entries: list[dict[str, Any]]
    next: str


def add(pages: Pages) -> None:
    """Adds `/audit`."""
    site = pages.site

    def audit(
        subject: Word = "",
        actor: Word = "",
        action: Word = "",
        since: Word = "",
        before: Annotated[int, Query(ge=0, le=2**53)] = 0,
        limit: Limit = AT_ONCE,
    ) -> Audit:
        """Changes of the registry.

        A subject is flights/1.2.7, flights for all of it, or token for all tokens; an action is
        version.registered, or version for all of them; since is a time, or such as `7d ago`.
        """
        moment = parse_moment(since, "since") if since.strip() else ""
        wanted = Wanted(subject, actor, action, moment, limit + 1, before)
        with site.database.reading() as connection:
            found = read_log(connection, wanted)
        shown, more = found[:limit], len(found) > limit
        asked: dict[str, Any] = {"subject": subject, "actor": actor, "action": action}
        asked |= {"since": since, "limit": limit if limit != AT_ONCE else 0}
        return Audit(
            entries=[entry.to_json() for entry in shown],
            next=link("audit", **asked, before=shown[-1].sequence) if more else "",
        )

    pages.add("/audit", "audit.html", audit)
