"""Measurements in the registry: each gateway writes its own sums, and readers add them up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Final, Literal, NamedTuple

from sqlalchemy import Connection, delete, insert, select

from taxiway.delivery.evidence.measured import Measured
from taxiway.registry.database.tables import arm_measurements, now

AUDIENCE: Final = "audience"
"""Requests that the route splits: those of its audience, or all where it has none."""
OTHERS: Final = "others"
"""Requests outside of the audience, which all go to the stable version."""
SHADOW: Final = "shadow"
"""Copies."""
Segment = Literal["audience", "others", "shadow"]


class Of(NamedTuple):
    """Whose measurement it is.

    Args:
      model: name.
      environment: of the route.
      revision: of the route, by which the requests went.
      version: its name in the registry.
      segment: which requests.
    """

    model: str
    environment: str
    revision: int
    version: str
    segment: Segment


@dataclass(frozen=True)
class Measurement:
    """What one gateway has measured."""

    of: Of
    gateway: str
    measured: Measured


def write_measurements(
    connection: Connection, gateway: str, found: Iterable[tuple[Of, Measured]]
) -> None:
    """Writes a gateway's sums in the place of those that it wrote before."""
    table = arm_measurements.c
    for of, measured in found:
        same = [getattr(table, name) == value for name, value in of._asdict().items()]
        connection.execute(delete(arm_measurements).where(table.gateway == gateway, *same))
        values = of._asdict() | {"gateway": gateway, "measured": measured.to_json(), "at": now()}
        connection.execute(insert(arm_measurements).values(values))


def remove_measurements(connection: Connection, environment: str, before: str) -> int:
    """Removes what was written last before a time, as `tables.now` writes it; how many."""
    table = arm_measurements.c
    old = delete(arm_measurements).where(table.environment == environment, table.at < before)
    return int(connection.execute(old).rowcount)


def read_measurements(
    connection: Connection, model: str, environment: str, first_revision: int
) -> list[Measurement]:
    """All of a model from a revision on."""
    table = arm_measurements.c
    query = select(arm_measurements).where(
        table.model == model, table.environment == environment, table.revision >= first_revision
    )
    return [
        Measurement(
            Of(row.model, row.environment, row.revision, row.version, row.segment),
            row.gateway,
            Measured.from_json(row.measured),
        )
        for row in connection.execute(query.order_by(table.id))
    ]


def summed(
    found: Iterable[Measurement], version: str, segment: Segment = AUDIENCE, since: int = 0
) -> Measured:
    """Of one version, over gateways and over revisions from `since` on."""
    wanted = (
        one.measured
        for one in found
        if one.of.version == version and one.of.segment == segment and one.of.revision >= since
    )
    return reduce(add, wanted, Measured())
