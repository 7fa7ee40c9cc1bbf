"""Versions that are, or were, at a place of TensorFlow Serving's layout, under a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from taxiway.registry.database.tables import deployments

_LOOKED_AT: Final = 1_000
"""Deployments of a model, the newest; what is older is not asked for by number."""


@dataclass(frozen=True)
class Placed:
    """A version at a place.

    Args:
      version: its name in the registry.
      number: of TensorFlow Serving's layout; 0 where the place has none.
      place: folder.
    """

    version: str
    number: int
    place: str


def number_of(place: str) -> int:
    """The number of a folder in TensorFlow Serving's layout; 0 where it has none."""
    name = place.rstrip("/").rpartition("/")[2]
    return int(name) if name.isascii() and name.isdigit() else 0


def placed(connection: Connection, model: str, environment: str) -> list[Placed]:
    """Where versions of a model were deployed to in an environment, the newest first."""
    of = deployments.c
    query = select(of.version, of.place).where(of.model == model, of.environment == environment)
    rows = connection.execute(query.order_by(of.id.desc()).limit(_LOOKED_AT))
    found = [(row.version, row.place) for row in rows]
    return [Placed(version, number_of(place), place) for version, place in dict.fromkeys(found)]


def placed_last(
    connection: Connection, model: str, environment: str, version: str
) -> Placed | None:
    """Where a version was deployed to last; None where it never was."""
    of = deployments.c
    query = select(of.place).where(of.model == model, of.environment == environment)
    query = query.where(of.version == version).order_by(of.id.desc()).limit(1)
    place = connection.execute(query).scalar_one_or_none()
    return None if place is None else Placed(version, number_of(place), place)
