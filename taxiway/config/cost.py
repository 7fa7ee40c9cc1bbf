"""The `cost` section: what a run's CPU time is worth."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from taxiway.section import Frozen


class Cost(Frozen):
    """What a run costs: CPU hours times a price, on the run's record and in its report."""

    per_core_hour: Annotated[float, Field(ge=0.0)] = 0.0
    """Price of a core for an hour; 0 where none is known."""
    currency: str = ""
    """Of that price, such as EUR."""
