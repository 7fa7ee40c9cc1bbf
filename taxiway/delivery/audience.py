"""Whose requests are split: of a rollout's step, and of an experiment."""

from __future__ import annotations

from collections.abc import Mapping

from taxiway.registry.routes.route import Condition
from taxiway.section import Frozen


class Audience(Frozen):
    """Whose requests are split; the others' all go to the stable version."""

    headers: Mapping[str, tuple[str, ...]] = {}
    """Values of a header, one of which it must have."""
    cookies: Mapping[str, tuple[str, ...]] = {}
    """As `headers`."""
    columns: Mapping[str, tuple[str, ...]] = {}
    """As `headers`, of the first row."""


def conditions(audience: Audience) -> tuple[Condition, ...]:
    """An audience as a route has it; empty for everyone."""
    return (
        *(Condition("header", name.lower(), values) for name, values in audience.headers.items()),
        *(Condition("cookie", name, values) for name, values in audience.cookies.items()),
        *(Condition("column", name, values) for name, values in audience.columns.items()),
    )
