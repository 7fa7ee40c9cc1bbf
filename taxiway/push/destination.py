"""What every kind of push destination is: where it is, how it takes a model, and what it gives.

What a server takes is the highest version. So a model that was pushed before and is asked for again
is pushed again, as a version above those that came since.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from taxiway.section import Frozen


def any_push() -> None:
    """Confirms any push."""


@dataclass(frozen=True)
class Pushed:
    """A model where it was pushed to."""

    place: str
    """The folder of this version, or another address under which it is found."""
    version: str


class PushDestination(Frozen):
    """Base of all kinds."""

    destination: str = ""
    """Empty means `<output.root>/serving/<model.name>`."""

    @abstractmethod
    def push(self, model: str, confirm: Callable[[], None] = any_push) -> Pushed:
        """Copies a SavedModel so that a watcher sees all of it or nothing.

        Args:
          model: its folder; in a bucket where `output.root` is one.
          confirm: called when all is copied and a server cannot see it yet; what it raises, as
            where another deployer has taken over, ends the push without a new version.

        Raises:
          TaxiwayError: the destination cannot be written.
        """

    def lost(self, place: str) -> str:
        """Why what was pushed there is not what a server takes from there now; empty where it is.

        Args:
          place: as `push` gave it.
        """
        return "" if "://" in place or Path(place).exists() else f"{place} is gone"

    def withdraw(self, place: str) -> None:  # nothing, where a kind cannot
        """Takes back what was pushed, so that a server takes what is below it again.

        Args:
          place: as `push` gave it.
        """
