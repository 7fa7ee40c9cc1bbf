"""What becomes of a version that waits, once somebody has filled in what its policy asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taxiway.registry.approval.admission import judge
from taxiway.registry.approval.recorded import recorded_policies
from taxiway.registry.approval.states import POLICY, add_decision, is_archived, state_of
from taxiway.registry.audit.chain import append
from taxiway.registry.deploy.queue import queue_version

if TYPE_CHECKING:
    from taxiway.registry.database.session import Change
    from taxiway.registry.versions.records import ModelVersion


def reconsider(change: Change, version: ModelVersion) -> None:
    """Judges a version anew wherever it is pending; queues it where nothing is missing any more.

    Args:
      change: in which something was filled in.
      version: as it is now.
    """
    connection = change.connection
    if is_archived(connection, version):
        return
    for record in recorded_policies(connection, version.candidate.model):
        environment = record.environment
        before = state_of(connection, version, environment)
        if before is None or before.state != "pending":
            continue
        after = judge(connection, version, environment, record.approval)
        if after.state != "approved":  # what it is, has not changed: it can be refused no more
            continue
        add_decision(connection, version, environment, "approved", POLICY.name, "")
        values = {"environment": environment}
        was, now = values | {"state": before.state}, values | {"state": after.state}
        append(connection, POLICY, "version.approved", version.subject, was, now, "")
        change.recorded += 1
        queue_version(change, version, environment)
