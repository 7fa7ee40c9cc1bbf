"""What operators do over HTTP: the same as `taxiway rollout`, under the same roles.

Each is one change of the registry and so in its audit, made by whoever the token is of. Gateways
take a move up as they do one of the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final

from pydantic import Field

from taxiway.delivery.rollout import requests
from taxiway.delivery.rollout.apply import request, settle, start
from taxiway.delivery.rollout.machine import Advanced
from taxiway.delivery.rollout.state import Rollout
from taxiway.delivery.section import Delivery
from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.auth.actor import Actor, Permission
from taxiway.registry.catalog.references import find
from taxiway.registry.database.session import Change, Database
from taxiway.registry.routes.moves import Move, parse_weight, promote, set_weights, undo
from taxiway.registry.versions.records import ModelVersion
from taxiway.section import Frozen

Text = Annotated[str, Field(max_length=1_000)]


class Wanted(Frozen):
    """The body of an action; each takes some of it."""

    version: Text = ""
    """Of start, promote and reload, as on the command line: `1.2.7`, `@champion`. Without it
    promote has the open rollout skip its step."""
    full: bool = False
    """Of promote without a version: skip all steps."""
    weights: Mapping[Text, Text | int | float] = {}
    """Of weights: percent by version, 100 together."""
    revision: Annotated[int, Field(ge=1)] | None = None
    """Refuse where the route is at another; null moves it whatever it is."""
    reason: Text = ""
    """For the audit."""


@dataclass(frozen=True)
class Asked:
    """What an action is given.

    Args:
      change: of the registry.
      environment: of the route.
      model: name.
      wanted: the body.
      delivery: how a rollout that starts here goes.
    """

    change: Change
    environment: str
    model: str
    wanted: Wanted
    delivery: Delivery

    def version(self) -> ModelVersion:
        """The version that is named.

        Raises:
          ConfigError: none is, or it is not the model's.
        """
        return _version(self.change, self.model, self.wanted.version)


Action = Callable[[Asked], dict[str, Any]]


def act(
    action: str, database: Database, actor: Actor, model: str, wanted: Wanted, delivery: Delivery
) -> dict[str, Any]:
    """Makes a change, and tells what came of it; waits for the registry.

    Raises:
      NotAllowed: the actor's role does not permit it.
      TaxiwayError: as the moves raise it.
    """
    environment = database.settings.environment
    with database.changing(actor, Permission.DEPLOY) as change:
        return ACTIONS[action](Asked(change, environment, model, wanted, delivery))


def _start(asked: Asked) -> dict[str, Any]:
    version, reason = asked.version(), asked.wanted.reason
    return start(asked.change, version, asked.environment, asked.delivery, reason).to_json()


def _promote(asked: Asked) -> dict[str, Any]:
    wanted = asked.wanted
    if not wanted.version:
        return _request("promote", asked, full=wanted.full)
    if wanted.full:
        raise ConfigError(
            "received full and a version, and a version has all traffic at once",
            edit="leave out full, or version",
        )
    version = asked.version()
    made = promote(asked.change, version, asked.environment, wanted.revision, wanted.reason)
    return _by_hand(asked, made)


def _undo(asked: Asked) -> dict[str, Any]:
    wanted, where = asked.wanted, (asked.model, asked.environment)
    return _by_hand(asked, undo(asked.change, *where, wanted.revision, wanted.reason))


def _weights(asked: Asked) -> dict[str, Any]:
    change, wanted = asked.change, asked.wanted
    weights = [
        (_version(change, asked.model, name), parse_weight(str(percent)))
        for name, percent in wanted.weights.items()
    ]
    where = (asked.model, asked.environment, weights)
    return _by_hand(asked, set_weights(change, *where, wanted.revision, wanted.reason))


def _by_hand(asked: Asked, move: Move) -> dict[str, Any]:
    """Ends an open rollout whose route has been moved so."""
    settle(asked.change, asked.model, asked.environment)
    return move.to_json()


def _reload(asked: Asked) -> dict[str, Any]:
    """Only writes it down; the gateway does it once that is committed."""
    version = asked.version()
    about = {"environment": asked.environment}
    asked.change.record("gateway.reload", version.subject, None, about, asked.wanted.reason)
    return {"version": version.name}


def _request(what: str, asked: Asked, **options: Any) -> dict[str, Any]:
    """Of the open rollout; where it has made another revision since, it is refused."""
    change, wanted = asked.change, asked.wanted
    given = {"by": change.actor.name, "reason": wanted.reason, **options}
    of: dict[str, Callable[..., Any]] = {
        "pause": requests.pause,
        "resume": requests.resume,
        "promote": requests.promote,
        "abort": requests.abort,
    }

    def when_expected(rollout: Rollout, now: float) -> Advanced:
        if wanted.revision is not None and wanted.revision != rollout.revision:
            raise TaxiwayError(
                f"the rollout of {rollout.subject} is at revision {rollout.revision} of the "
                f"route, and {wanted.revision} was expected",
                edit="revision",
            )
        made: Advanced = of[what](rollout, now, **given)
        return made

    where = (asked.model, asked.environment)
    return request(change, *where, when_expected, what, reason=wanted.reason).to_json()


ACTIONS: Final[dict[str, Action]] = {
    "start": _start,
    "pause": partial(_request, "pause"),
    "resume": partial(_request, "resume"),
    "promote": _promote,
    "abort": partial(_request, "abort"),
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
