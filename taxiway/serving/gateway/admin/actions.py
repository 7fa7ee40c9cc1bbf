"""What operators change over HTTP: the same moves as `taxiway rollout`, under the same roles.

Each is one change of the registry and so in its audit, made by whoever the token is of. Gateways
take a move up as they do one of the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from taxiway.errors import ConfigError
from taxiway.registry.auth.actor import Actor, Permission
from taxiway.registry.catalog.references import find
from taxiway.registry.database.session import Change, Database
from taxiway.registry.routes.moves import parse_weight, promote, set_weights, undo
from taxiway.registry.versions.records import ModelVersion
from taxiway.section import Frozen

Text = Annotated[str, Field(max_length=1_000)]


class Wanted(Frozen):
    """The body of an action; each takes some of it."""

    version: Text = ""
    """Of promote and reload, as on the command line: `1.2.7`, `@champion`."""
    weights: Mapping[Text, Text | int | float] = {}
    """Of weights: percent by version, 100 together."""
    revision: Annotated[int, Field(ge=1)] | None = None
    """Refuse where the route is at another; null moves it whatever it is."""
    reason: Text = ""
    """For the audit."""


Action = Callable[[Change, str, str, Wanted], dict[str, Any]]
"""Of a change, an environment, a model and a body."""


def act(
    action: str, database: Database, actor: Actor, model: str, wanted: Wanted
) -> dict[str, Any]:
    """Makes a change, and tells what came of it; waits for the registry.

    Raises:
      NotAllowed: the actor's role does not permit it.
      TaxiwayError: as the moves raise it.
    """
    environment = database.settings.environment
    with database.changing(actor, Permission.DEPLOY) as change:
        return ACTIONS[action](change, environment, model, wanted)


def _promote(change: Change, environment: str, model: str, wanted: Wanted) -> dict[str, Any]:
    version = _version(change, model, wanted.version)
    return promote(change, version, environment, wanted.revision, wanted.reason).to_json()


def _undo(change: Change, environment: str, model: str, wanted: Wanted) -> dict[str, Any]:
    return undo(change, model, environment, wanted.revision, wanted.reason).to_json()


def _weights(change: Change, environment: str, model: str, wanted: Wanted) -> dict[str, Any]:
    weights = [
        (_version(change, model, name), parse_weight(str(percent)))
        for name, percent in wanted.weights.items()
    ]
    return set_weights(
        change, model, environment, weights, wanted.revision, wanted.reason
    ).to_json()


def _reload(change: Change, environment: str, model: str, wanted: Wanted) -> dict[str, Any]:
    """Only writes it down; the gateway does it once that is committed."""
    version = _version(change, model, wanted.version)
    about = {"environment": environment}
    change.record("gateway.reload", version.subject, None, about, wanted.reason)
    return {"version": version.name}


ACTIONS: Final[dict[str, Action]] = {
    "promote": _promote,
    "undo": _undo,
    "weights": _weights,
    "reload": _reload,
}


def _version(change: Change, model: str, text: str) -> ModelVersion:
    if not text:
        raise ConfigError("no version was given", edit="version, such as 1.2.7 or @champion")
    found = find(change.connection, text, model)
    if found.candidate.model != model:
        raise ConfigError(f"{found.subject} is not a version of {model}", edit="version")
    return found
