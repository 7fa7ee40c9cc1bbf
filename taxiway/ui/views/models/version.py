"""A version: its card, its states and who decided on them, what it served, what was changed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel

from taxiway.access.refusal import Code, Refusal
from taxiway.errors import ConfigError
from taxiway.registry.audit.log import Query, read_log
from taxiway.registry.auth.actor import Actor, NotAllowed, Permission, require
from taxiway.registry.catalog.cards import card_sections
from taxiway.registry.catalog.details import read_details
from taxiway.registry.catalog.references import find
from taxiway.registry.database.session import Database
from taxiway.registry.versions.records import ModelVersion
from taxiway.ui.pages import Pages
from taxiway.ui.people.doorkeeper import Known


class Version(BaseModel):
    """A version.

    Args:
      subject: such as flights/1.2.7.
      may_decide: whether who asks may approve and reject.
      why_not: where not.
      details: all that `taxiway models show --json` has.
      card: the model card, in sections of text and tables.
      changes: the newest of the audit that are of it.
    """

    subject: str
    may_decide: bool
    why_not: str
    details: dict[str, Any]
    card: list[dict[str, Any]]
    changes: list[dict[str, Any]]


def add(pages: Pages) -> None:
    """Adds `/models/{model}/{version}`."""
    site = pages.site

    def version(model: str, version: str, visitor: Known) -> Version:
        """A version, its card, its approvals and its history."""
        found = named(site.database, model, version)
        with site.database.reading() as connection:
            details = read_details(connection, found)
            changes = read_log(connection, Query(subject=found.subject))
        why_not = _why_not(site.database, visitor.actor)
        return Version(
            subject=found.subject,
            may_decide=not why_not,
            why_not=why_not,
            details=details.to_json(),
            card=[asdict(section) for section in card_sections(found)],
            changes=[entry.to_json() for entry in changes],
        )

    pages.add("/models/{model}/{version}", "version.html", version)


def named(database: Database, model: str, version: str) -> ModelVersion:
    """The version that an address names.

    Raises:
      Refusal: there is none.
    """
    with database.reading() as connection:
        try:
            return find(connection, f"{model}/{version}")
        except ConfigError as error:
            raise Refusal(Code.NOT_FOUND, error.message) from None


def _why_not(database: Database, actor: Actor) -> str:
    """Why an actor may not approve; empty where it may."""
    with database.reading() as connection:
        try:
            require(actor, Permission.APPROVE, connection)
        except NotAllowed as error:
            return error.message
    return ""
