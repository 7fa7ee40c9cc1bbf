"""The policies on record: what holds for a model in an environment, whatever a config says.

A policy is recorded with the first version that is put before it. From then on a config that says
another one is refused, and so is any config that would fill a folder which a policy guards. What
someone does who may write in that folder themselves is for the system's permissions to prevent.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, and_, insert, select, update

from taxiway.errors import ConfigError
from taxiway.registry.approval.policy import Approval, parse_approval
from taxiway.registry.approval.states import in_environment
from taxiway.registry.auth.actor import Actor, Permission
from taxiway.registry.database.tables import now, policies

if TYPE_CHECKING:
    from taxiway.registry.database.session import Change, Database
    from taxiway.registry.section import Registry

_MAY: Final = "who may administer the registry changes it"


@dataclass(frozen=True)
class Recorded:
    """A row of `policies`."""

    model: str
    environment: str
    approval: Approval
    destinations: tuple[str, ...]
    """Places from which the environment serves the model, as configs have named them."""
    changed_at: str

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        about = {"model": self.model, "environment": self.environment}
        return about | _policy(self.approval, self.destinations) | {"changed_at": self.changed_at}


def recorded_policies(connection: Connection, model: str = "") -> list[Recorded]:
    """What is on record of a model; without one, of all."""
    query = select(policies).order_by(policies.c.model, policies.c.environment)
    rows = connection.execute(query.where(policies.c.model == model) if model else query)
    return [
        Recorded(
            row.model,
            row.environment,
            parse_approval(row.policy["approval"]),
            tuple(row.policy["destinations"]),
            row.changed_at,
        )
        for row in rows
    ]


def recorded_policy(connection: Connection, model: str, environment: str) -> Recorded | None:
    """What is on record of a model in an environment; None before its first version."""
    found = recorded_policies(connection, model)
    return next((one for one in found if one.environment == environment), None)


def check_policy(connection: Connection, model: str, settings: Registry) -> None:
    """Raises where a config goes around what is on record.

    Args:
      connection: the registry.
      model: the config's `model.name`.
      settings: the config's `registry` section.

    Raises:
      ConfigError: its policy is another one, or the place that it fills is another policy's.
    """
    records = recorded_policies(connection)
    problem = _another_policy(records, model, settings) or _place_of_another(
        records, model, settings
    )
    if problem:
        raise ConfigError(
            problem,
            edit=f"registry.approval, push.destination; or `taxiway models policy {model} "
            "--accept` with this config",
        )


def record_policy(change: Change, model: str, settings: Registry) -> Approval:
    """The policy that holds, on record from now on, with the place that it guards.

    Raises:
      ConfigError: as `check_policy`.
    """
    check_policy(change.connection, model, settings)
    _write(change, model, settings)
    return settings.approval


def accept_policy(database: Database, model: str, settings: Registry, actor: Actor) -> bool:
    """Puts the config's policy in the place of the one on record; False where it is the same.

    Versions keep the state that they have; those that wait are judged by it when next approved.

    Raises:
      NotAllowed: the actor may not administer the registry.
      ConfigError: the place that the config fills is another policy's.
    """
    with database.changing(actor, Permission.ADMINISTER) as change:
        problem = _place_of_another(recorded_policies(change.connection), model, settings)
        if problem:
            raise ConfigError(problem, edit="push.destination")
        return _write(change, model, settings)


def _another_policy(records: list[Recorded], model: str, settings: Registry) -> str:
    environment = settings.environment
    for one in records:
        same = (one.model, one.environment) == (model, environment)
        if same and one.approval != settings.approval:
            return (
                f"registry.approval is {shown(settings.approval)}, but the policy on record for "
                f"{model}{in_environment(environment)} is {shown(one.approval)}; {_MAY}"
            )
    return ""


def _place_of_another(records: list[Recorded], model: str, settings: Registry) -> str:
    """Two share no place where one of them holds versions back."""
    place = _place(settings)
    for one in records:
        other = (one.model, one.environment) != (model, settings.environment)
        holds = one.approval.holds_back or settings.approval.holds_back
        if other and holds and place and place in one.destinations:
            return (
                f"push.destination is {place}, which serves {one.model}"
                f"{in_environment(one.environment)} under a policy of its own "
                f"({shown(one.approval)}); {_MAY}"
            )
    return ""


def _write(change: Change, model: str, settings: Registry) -> bool:
    environment = settings.environment
    before = recorded_policy(change.connection, model, environment)
    known = before.destinations if before else ()
    places = sorted({*known, *filter(None, [_place(settings)])})
    if before and before.approval == settings.approval and list(known) == places:
        return False
    policy = _policy(settings.approval, places)
    values = {"policy": policy, "changed_at": now()}
    if before is None:
        key = {"model": model, "environment": environment}
        change.connection.execute(insert(policies).values(key | values))
    else:
        of = and_(policies.c.model == model, policies.c.environment == environment)
        change.connection.execute(update(policies).where(of).values(values))
    change.record(
        "policy.changed" if before else "policy.recorded",
        f"policy:{model}{f'@{environment}' if environment else ''}",
        before and _policy(before.approval, known),
        policy,
    )
    return True


def _policy(approval: Approval, destinations: Sequence[str]) -> dict[str, Any]:
    """As the table has it."""
    return {"approval": approval.model_dump(mode="json"), "destinations": list(destinations)}


def _place(settings: Registry) -> str:
    """One spelling of a place, whatever links lead there."""
    place = settings.guards
    if "://" in place or not place:
        return place.rstrip("/")
    return os.path.realpath(place)


def shown(approval: Approval) -> str:
    """The keys that are not at their defaults, as YAML's flow style has them."""
    values = approval.model_dump(mode="json", exclude_defaults=True)
    return json.dumps({"kind": approval.kind} | values).replace('"', "")
