"""The turn of rollouts: moves on those that no other gateway does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from taxiway.delivery.lease import give_lease_back, is_held_by_another
from taxiway.delivery.rollout.apply import lease_of, tick
from taxiway.delivery.rollout.records import models_with_open_rollouts, open_rollout
from taxiway.delivery.rollout.state import Rollout
from taxiway.errors import TaxiwayError
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.registry.auth.actor import Actor
    from taxiway.registry.database.session import Database

_LOG = logging.getLogger(__name__)


class Rollouts:
    """A `Turn`.

    Args:
      database: the registry.
      actor: who moves traffic, as the audit has it.
      gateway: id of this one, which holds the leases.
      models: that it serves.
      lease_seconds: for how long a rollout is this gateway's, from each look on.
      on_move: called when this gateway has moved a route; in the thread.
    """

    def __init__(
        self,
        database: Database,
        actor: Actor,
        gateway: str,
        models: Sequence[str],
        lease_seconds: float,
        on_move: Callable[[], None],
    ) -> None:
        self.open: Mapping[str, Rollout] = {}
        """Those that have not ended, by model, as of the last look."""
        self.held: frozenset[str] = frozenset()
        """Models whose rollouts this gateway moves on."""
        self._database = database
        self._environment = database.settings.environment
        self._actor = actor
        self._gateway = gateway
        self._models = tuple(models)
        self._lease_seconds = lease_seconds
        self._on_move = on_move

    def look(self) -> Mapping[str, str]:
        """Moves each on that is free, or this gateway's already; see `Turn`."""
        found, free = self._found()
        held, trouble = set(), {}
        for model in free:
            before = found[model]
            try:
                after = self._tick(before)
            except TaxiwayError as error:
                trouble[f"the rollout of {before.subject}"] = error.message
                continue
            if after is not None:
                found[model] = after
                held.add(model)
        self.open = {model: one for model, one in found.items() if one.is_open}
        self.held = frozenset(held & self.open.keys())
        return trouble

    def give_back(self) -> None:
        """Ends the leases; see `Turn`."""
        if self.held:
            with self._database.working() as connection:
                for model in self.held:
                    give_lease_back(connection, lease_of(model, self._environment), self._gateway)

    def _found(self) -> tuple[dict[str, Rollout], list[str]]:
        """By model, those that are open, and which of them nobody else moves on."""
        found, free = {}, []
        with self._database.reading() as connection:
            for model in models_with_open_rollouts(connection, self._environment):
                rollout = open_rollout(connection, model, self._environment)
                if model not in self._models or rollout is None:
                    continue
                found[model] = rollout
                lease = lease_of(model, self._environment)
                if not is_held_by_another(connection, lease, self._gateway):
                    free.append(model)
        return found, free

    def _tick(self, before: Rollout) -> Rollout | None:
        where = (before.model, self._environment, self._gateway, self._lease_seconds)
        after = tick(self._database, self._actor, *where)
        if after is None:
            return None
        if after.revision != before.revision:
            self._on_move()
        if (after.phase, after.step) != (before.phase, before.step):
            _LOG.info(
                "the rollout of %s is %s with %g%%: %s",
                one_line(after.subject), after.phase, after.shape.weight, one_line(after.reason),
            )  # fmt: skip
        return after
