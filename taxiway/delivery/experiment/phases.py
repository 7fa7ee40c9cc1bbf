"""As which revisions of the route an experiment splits traffic, and whether it still does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from taxiway.delivery.experiment.records import ExperimentRecord
from taxiway.registry.routes.records import Revision, current, read_revision
from taxiway.registry.routes.route import STABLE, Route


@dataclass(frozen=True)
class Phase:
    """The time since the arms have had the weights that they have.

    Args:
      revisions: of the route that split traffic so.
      since: when the first of them was made, as the registry writes times.
      slots: of each arm, in the order of the design.
      names: of each arm in the route, as the log has them.
      is_current: whether traffic is split so now.
      moved: how it was moved since, in words; empty where it was not.
    """

    revisions: tuple[int, ...]
    since: str
    slots: tuple[int, ...]
    names: tuple[str, ...]
    is_current: bool
    moved: str = ""


def latest(connection: Connection, record: ExperimentRecord) -> Phase | None:
    """The last phase of an experiment; None where its route is not there."""
    found = _since(connection, record)
    own = [one for one in found if _is_own(one.route, found[0].route)]
    if not own:
        return None
    last = own[-1]
    same = [one for one in own if one.route.arms == last.route.arms]
    arms = {arm.version: arm for arm in last.route.arms}
    now = found[-1]
    is_current = now.route.revision == last.route.revision
    return Phase(
        tuple(one.route.revision for one in same),
        same[0].moved_at,
        tuple(arms[version].slots for version in record.versions),
        (STABLE, *record.versions[1:]),
        is_current,
        "" if is_current else f"{now.action} by {now.moved_by} at {now.moved_at}",
    )


def _since(connection: Connection, record: ExperimentRecord) -> Sequence[Revision]:
    """Revisions from the experiment's first one on, oldest first."""
    now = current(connection, record.model, record.environment)
    if now is None:
        return []
    numbers = range(record.first_revision, now.route.revision)
    where = record.model, record.environment
    before = [read_revision(connection, *where, number) for number in numbers]
    return [*(one for one in before if one is not None), now]


def _is_own(route: Route, first: Route) -> bool:
    """Whether users have the arms that the experiment has drawn for them, at whatever weights."""
    return (
        route.salt == first.salt
        and [arm.version for arm in route.arms] == [arm.version for arm in first.arms]
        and route.audience == first.audience
        and route.policy == first.policy
    )
