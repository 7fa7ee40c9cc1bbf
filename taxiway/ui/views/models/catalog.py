"""The catalog: all models, and the versions of all or of one, searched as on the command line."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from pydantic import BaseModel

from taxiway.access.refusal import Code, Refusal
from taxiway.registry.approval.recorded import recorded_policies, shown
from taxiway.registry.catalog.entries import KNOWN, Query, read_entries
from taxiway.registry.catalog.overview import list_models
from taxiway.registry.catalog.references import is_model
from taxiway.registry.deploy.history import history
from taxiway.ui.pages import Pages
from taxiway.ui.views.fields import (
    AT_ONCE,
    Asked,
    Columns,
    FilterText,
    Limit,
    Listed,
    PageNumber,
    SortKey,
)

VERSIONS: Final = ("version", "state", "alias", "serves", "created_at", "author")
"""Columns that are always there."""
ALWAYS: Final = ("metrics", "tags")
"""What JSON has beside the plain fields."""


class Models(BaseModel):
    """The catalog.

    Args:
      environment: whose states are meant.
      models: one each: its newest version, aliases, what serves; none where versions are searched.
      versions: those that satisfy the filter; null where there is no filter.
    """

    environment: str
    models: list[dict[str, Any]]
    versions: Listed | None


class Model(BaseModel):
    """One model.

    Args:
      model: its name.
      environment: whose states and deployments are meant.
      policies: what a version needs before it serves, by environment.
      served: what served when, newest first.
      versions: those that satisfy the filter.
    """

    model: str
    environment: str
    policies: list[dict[str, Any]]
    served: list[dict[str, Any]]
    versions: Listed


def add(pages: Pages) -> None:
    """Adds `/models` and `/models/{model}`."""
    site = pages.site

    def listed(asked: Asked, model: str = "") -> Listed:
        wanted = asked.wanted
        query = Query(
            environment=site.environment,
            fields=[*asked.fields, *ALWAYS],
            words=wanted.words,
            model=model,
            archived="archived" in asked.fields,
        )
        with site.database.reading() as connection:
            found = read_entries(connection, query)
        return asked.answer(
            (one.fields for one in found if wanted.matches(one.fields, one.text)), VERSIONS
        )

    def models(
        q: FilterText = "",
        sort: SortKey = "",
        columns: Columns = "",
        page: PageNumber = 1,
        limit: Limit = AT_ONCE,
    ) -> Models:
        """All models; with a filter, the versions of all that satisfy it."""
        if q.strip():
            asked = Asked.of(["models"], KNOWN, q, sort, columns, page, limit)
            return Models(environment=site.environment, models=[], versions=listed(asked))
        with site.database.reading() as connection:
            lines = list_models(connection, site.environment)
        return Models(
            environment=site.environment, models=[asdict(line) for line in lines], versions=None
        )

    def model(
        model: str,
        q: FilterText = "",
        sort: SortKey = "",
        columns: Columns = "",
        page: PageNumber = 1,
        limit: Limit = AT_ONCE,
    ) -> Model:
        """A model: its versions, what served when, and its policies."""
        asked = Asked.of(["models", model], KNOWN, q, sort, columns, page, limit)
        with site.database.reading() as connection:
            if not is_model(connection, model):
                raise Refusal(Code.NOT_FOUND, f"the registry has no version of a model '{model}'")
            served = history(connection, model, site.environment)
            policies = recorded_policies(connection, model)
        return Model(
            model=model,
            environment=site.environment,
            policies=[one.to_json() | {"in_words": shown(one.approval)} for one in policies],
            served=[one.to_json() for one in reversed(served)],
            versions=listed(asked, model),
        )

    pages.add("/models", "models.html", models)
    pages.add("/models/{model}", "model.html", model)
