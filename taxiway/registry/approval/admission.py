"""What the policy itself decides: as a version is registered, and as people do their part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taxiway.registry.approval.policy import Approval, Standing
from taxiway.registry.approval.recorded import record_policy
from taxiway.registry.approval.states import (
    POLICY,
    State,
    StateName,
    add_decision,
    set_state,
    standing_decisions,
    state_of,
    states_of,
)
from taxiway.registry.audit.chain import append
from taxiway.registry.catalog.cards import card_gaps

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from taxiway.registry.database.session import Change
    from taxiway.registry.section import Registry
    from taxiway.registry.versions.records import ModelVersion


def admit(change: Change, version: ModelVersion, settings: Registry) -> State:
    """Puts a version before the policy of its model, in the change that registers or promotes it.

    What is approved stays so when the same model comes again, and a person's rejection stands.

    Raises:
      ConfigError: the config's policy is not the one on record.
    """
    policy = record_policy(change, version.candidate.model, settings)
    environment = settings.environment
    before = state_of(change.connection, version, environment)
    if before is not None and (
        before.state == "approved" or is_rejected_by_people(change.connection, version, environment)
    ):
        return before
    after = judge(change.connection, version, environment, policy)
    if before is None or (before.state, before.reason) != (after.state, after.reason):
        if after.state != "pending":
            decision = (after.state, POLICY.name, after.reason)
            add_decision(change.connection, version, environment, *decision)
        told = (_values(environment, before), _values(environment, after), after.reason)
        append(change.connection, POLICY, f"version.{after.state}", version.subject, *told)
        change.recorded += 1
    return after


def judge(
    connection: Connection, version: ModelVersion, environment: str, policy: Approval
) -> State:
    """Sets the state to what the policy makes of all that is there; the caller audits it."""
    refusals = policy.refusals(version)
    if refusals:
        return set_state(connection, version, environment, "rejected", "; ".join(refusals))
    missing = policy.missing(version, standing_of(connection, version, environment, policy))
    state: StateName = "pending" if missing else "approved"
    return set_state(connection, version, environment, state, "; ".join(missing))


def standing_of(
    connection: Connection, version: ModelVersion, environment: str, policy: Approval
) -> Standing:
    """What is there for a version beside what it is itself."""
    decisions = standing_decisions(connection, version, environment)
    states = states_of(connection, version)
    return Standing(
        approvers=frozenset(who for who, what in decisions.items() if what == "approved"),
        card_gaps=tuple(card_gaps(version, policy.asked_fields)),
        approved_in=frozenset(name for name, one in states.items() if one.state == "approved"),
    )


def is_rejected_by_people(connection: Connection, version: ModelVersion, environment: str) -> bool:
    """Whether it is rejected, and not by the policy alone."""
    state = state_of(connection, version, environment)
    decisions = standing_decisions(connection, version, environment)
    return state is not None and state.state == "rejected" and "rejected" in decisions.values()


def _values(environment: str, state: State | None) -> dict[str, str] | None:
    return None if state is None else {"environment": environment, "state": state.state}
