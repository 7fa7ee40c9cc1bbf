"""Whether a version may serve in an environment: its state, and the decisions that led to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from taxiway.errors import TaxiwayError
from taxiway.registry.auth.actor import Actor, Role
from taxiway.registry.database.tables import approvals, model_versions, now, version_states

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taxiway.registry.versions.records import ModelVersion

StateName = Literal["pending", "approved", "rejected"]
Verdict = Literal["approved", "rejected"]
POLICY: Final = Actor("policy", "policy", Role.VIEWER)
"""Who decides where no person does; approvals and the audit name it."""


class NotApproved(TaxiwayError):  # noqa: N818  # nothing is broken
    """A version may not serve in an environment, or cannot be approved for it."""


@dataclass(frozen=True)
class State:
    """Of a version in one environment."""

    state: StateName
    reason: str
    """Of a pending one what is missing, of a rejected one why, of an approved one as it was given.
    """
    changed_at: str


@dataclass(frozen=True)
class Decision:
    """One of `approvals`: by a person, or by the policy."""

    environment: str
    decision: Verdict
    decided_by: str
    decided_at: str
    reason: str


def state_of(connection: Connection, version: ModelVersion, environment: str) -> State | None:
    """The state of a version; None where it was never put before this environment."""
    row = connection.execute(select(version_states).where(_of(version, environment))).one_or_none()
    return None if row is None else State(row.state, row.reason, row.changed_at)


def states_of(connection: Connection, version: ModelVersion) -> Mapping[str, State]:
    """The state of a version by environment."""
    query = select(version_states).where(version_states.c.version_id == version.id)
    rows = connection.execute(query.order_by(version_states.c.environment))
    return {row.environment: State(row.state, row.reason, row.changed_at) for row in rows}


def is_archived(connection: Connection, version: ModelVersion) -> bool:
    """Whether it is archived now, whatever was read earlier."""
    query = select(model_versions.c.archived).where(model_versions.c.id == version.id)
    return bool(connection.execute(query).scalar_one())


def is_approved(connection: Connection, version: ModelVersion, environment: str) -> bool:
    """Whether a version may serve: approved in this environment, and not archived."""
    state = state_of(connection, version, environment)
    approved = state is not None and state.state == "approved"
    return approved and not is_archived(connection, version)


def require_approved(connection: Connection, version: ModelVersion, environment: str) -> None:
    """Raises where a version may not serve.

    Whoever queues, publishes or points a protected alias asks in the transaction that does it.

    Raises:
      NotApproved: with the state that it has, and the command that changes it.
    """
    require_unarchived(connection, version)
    state = state_of(connection, version, environment)
    if state is not None and state.state == "approved":
        return
    subject, place = version.subject, in_environment(environment)
    option = f" -e {environment}" if environment else ""
    approve = f"`taxiway models approve {subject}{option}`"
    if state is None:
        promote = f"`taxiway models promote {subject} --to {environment}`"
        raise NotApproved(
            f"{subject} is not approved{place}: it was never put before that policy",
            edit=promote if environment else "a run that pushes it again",
        )
    raise NotApproved(f"{subject} {in_words(state, environment)}", edit=approve)


def require_unarchived(connection: Connection, version: ModelVersion) -> None:
    """Raises where a version is archived.

    Raises:
      NotApproved: it is.
    """
    if is_archived(connection, version):
        raise NotApproved(
            f"{version.subject} is archived: it can be neither approved nor deployed",
            edit=f"`taxiway models unarchive {version.subject}`",
        )


def require_unrefused(connection: Connection, version: ModelVersion, environment: str) -> None:
    """Raises where a version is archived or rejected; one without a state passes.

    Raises:
      NotApproved: it is.
    """
    state = state_of(connection, version, environment)
    if state is not None and state.state == "rejected":
        require_approved(connection, version, environment)
    require_unarchived(connection, version)


def set_state(
    connection: Connection,
    version: ModelVersion,
    environment: str,
    state: StateName,
    reason: str,
) -> State:
    """Writes the state; the caller says so in the audit."""
    made = State(state, reason, now())
    connection.execute(delete(version_states).where(_of(version, environment)))
    values = {"version_id": version.id, "environment": environment, "state": state}
    values |= {"reason": reason, "changed_at": made.changed_at}
    connection.execute(insert(version_states).values(values))
    return made


def add_decision(
    connection: Connection,
    version: ModelVersion,
    environment: str,
    decision: Verdict,
    decided_by: str,
    reason: str,
) -> None:
    """Appends to `approvals`; none is ever changed."""
    values = {"version_id": version.id, "environment": environment, "decision": decision}
    values |= {"decided_by": decided_by, "decided_at": now(), "reason": reason}
    connection.execute(insert(approvals).values(values))


def decisions_of(connection: Connection, version: ModelVersion) -> list[Decision]:
    """All decisions on a version, oldest first."""
    query = select(approvals).where(approvals.c.version_id == version.id).order_by(approvals.c.id)
    return [
        Decision(row.environment, row.decision, row.decided_by, row.decided_at, row.reason)
        for row in connection.execute(query)
    ]


def standing_decisions(
    connection: Connection, version: ModelVersion, environment: str
) -> Mapping[str, Verdict]:
    """By person, the newest decision; the policy's own are not among them."""
    found = decisions_of(connection, version)
    return {
        one.decided_by: one.decision
        for one in found
        if one.environment == environment and one.decided_by != POLICY.name
    }


def in_words(state: State, environment: str) -> str:
    """Such as `waits for approval in production: it needs 2 reviewers`."""
    place = in_environment(environment)
    if state.state == "pending":
        return f"waits for approval{place}: it needs {state.reason}"
    return f"is {state.state}{place}" + (f": {state.reason}" if state.reason else "")


def in_environment(environment: str) -> str:
    """` in production`, or nothing for the environment of the runs."""
    return f" in {environment}" if environment else ""


def _of(version: ModelVersion, environment: str) -> ColumnElement[bool]:
    return and_(
        version_states.c.version_id == version.id, version_states.c.environment == environment
    )
