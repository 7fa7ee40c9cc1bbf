"""What people decide: approve, reject, promote. What is let through is queued at once.

Of each person the newest decision counts. A rejection stands, and a new push of the same model does
not end it, until whoever rejected approves after all, or who may administer the registry approves
and says why. What is approved can be rejected later: it goes on serving where it does, and is
deployed no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from taxiway.errors import ConfigError
from taxiway.registry.approval.admission import admit, is_rejected_by_people, judge
from taxiway.registry.approval.policy import Approval
from taxiway.registry.approval.recorded import recorded_policy
from taxiway.registry.approval.states import (
    POLICY,
    NotApproved,
    State,
    Verdict,
    add_decision,
    in_environment,
    require_approved,
    require_unarchived,
    set_state,
    standing_decisions,
    state_of,
)
from taxiway.registry.auth.actor import Actor, NotAllowed, Permission, require
from taxiway.registry.deploy.queue import queue_version
from taxiway.registry.versions.records import read_version

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from taxiway.registry.database.session import Change, Database
    from taxiway.registry.section import Registry
    from taxiway.registry.versions.records import ModelVersion


def approve(
    database: Database, version: ModelVersion, environment: str, actor: Actor, reason: str = ""
) -> State:
    """Counts an approval; queues the version where the policy asks for nothing more.

    Returns:
      The state now: approved, or pending with what is still missing.

    Raises:
      NotApproved: the version is archived, was never put before the environment, is refused by the
        policy itself, was made by this person, or was rejected by another.
      NotAllowed: the actor may not approve.
    """
    with database.changing(actor, Permission.APPROVE) as change:
        version = read_version(change.connection, version.id)
        before, policy = _decidable(change.connection, version, environment)
        if before.state == "approved":
            return before
        _may_approve(change, version, environment, policy, reason)
        decision: Verdict = "approved"
        add_decision(change.connection, version, environment, decision, actor.name, reason)
        after = judge(change.connection, version, environment, policy)
        _record(change, version, environment, decision, before, after, reason)
        if after.state == "approved":
            queue_version(change, version, environment, "deploy", reason)
        return after


def reject(
    database: Database, version: ModelVersion, environment: str, actor: Actor, reason: str
) -> State:
    """Rejects a version, whatever its state.

    Raises:
      ConfigError: there is no reason.
      NotApproved: it is archived, or was never put before the environment.
      NotAllowed: the actor may not.
    """
    if not reason.strip():
        raise ConfigError(
            f"{version.subject} is not rejected: a rejection says why", edit="--reason"
        )
    with database.changing(actor, Permission.APPROVE) as change:
        before, _ = _decidable(change.connection, version, environment)
        decision: Verdict = "rejected"
        add_decision(change.connection, version, environment, decision, actor.name, reason)
        after = set_state(change.connection, version, environment, decision, reason)
        _record(change, version, environment, decision, before, after, reason)
        return after


def promote(
    database: Database, version: ModelVersion, settings: Registry, actor: Actor, reason: str = ""
) -> State:
    """Puts a version before another environment's policy; queues what it lets through at once.

    Args:
      database: the registry.
      version: the version.
      settings: the `registry` section with that environment's overlay.
      actor: who asks; this is no approval yet.
      reason: for the audit.

    Returns:
      The state there; rejected where the policy itself refuses it, with what it does not keep.

    Raises:
      ConfigError: the config names no environment, or another policy than the one on record.
      NotApproved: the version is archived, was rejected there, or is not approved where the policy
        wants it to be first.
      NotAllowed: the actor may not.
    """
    environment = settings.environment
    if not environment:
        raise ConfigError("the config names no environment", edit="registry.environment")
    with database.changing(actor, Permission.APPROVE) as change:
        connection = change.connection
        version = read_version(connection, version.id)
        require_unarchived(connection, version)
        earlier = settings.approval.earlier
        if earlier is not None:
            require_approved(connection, version, earlier)
        before = state_of(connection, version, environment)
        if before is not None and before.state == "rejected":
            require_approved(connection, version, environment)
        after = admit(change, version, settings)
        if before is None:
            values = {"environment": environment, "state": after.state}
            change.record("version.promoted", version.subject, None, values, reason)
        if after.state == "approved":
            queue_version(change, version, environment, "deploy", reason)
        return after


def _decidable(
    connection: Connection, version: ModelVersion, environment: str
) -> tuple[State, Approval]:
    """The state to decide on, and the policy on record."""
    require_unarchived(connection, version)
    state = state_of(connection, version, environment)
    record = recorded_policy(connection, version.candidate.model, environment)
    if state is None or record is None:
        promote = f"`taxiway models promote {version.subject} --to {environment}`"
        raise NotApproved(
            f"{version.subject} was never put before the policy"
            f"{in_environment(environment) or ' of the runs'}",
            edit=f"{promote if environment else 'a run that pushes it again'}",
        )
    return state, record.approval


def _may_approve(
    change: Change, version: ModelVersion, environment: str, policy: Approval, reason: str
) -> None:
    subject, name = version.subject, change.actor.name
    refusals = policy.refusals(version)
    if refusals:
        raise NotApproved(
            f"{subject} cannot be approved{in_environment(environment)}: {'; '.join(refusals)}",
            edit=f"train a better one; or `taxiway models policy {version.candidate.model}`",
        )
    problem = policy.refuses_reviewer(version, name)
    if name == POLICY.name:
        problem = f"'{name}' stands for the policy itself, not for a person"
    if problem:
        raise NotApproved(problem, edit="TAXIWAY_TOKEN of another person")
    connection = change.connection
    if not is_rejected_by_people(connection, version, environment):
        return
    decisions = standing_decisions(connection, version, environment)
    others = sorted(who for who, what in decisions.items() if what == "rejected" and who != name)
    if not others:
        return
    edit = f"`taxiway models approve {subject}` by {', '.join(others)}"
    try:
        require(change.actor, Permission.ADMINISTER, connection)
    except NotAllowed as error:
        message = f"{subject} was rejected by {', '.join(others)}, who can take it back"
        raise NotAllowed(f"{message}; {error.message}", edit=edit) from None
    if not reason.strip():
        raise NotApproved(
            f"{subject} was rejected by {', '.join(others)}: to approve it all the same takes a "
            "reason",
            edit=f"--reason, or {edit}",
        )


def _record(
    change: Change,
    version: ModelVersion,
    environment: str,
    decision: Verdict,
    before: State,
    after: State,
    reason: str,
) -> None:
    values = {"environment": environment}
    was, now = values | {"state": before.state}, values | {"state": after.state}
    change.record(f"version.{decision}", version.subject, was, now, reason)
