"""The turn of experiments: reads what policies have learnt, and has them learn what waits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from taxiway.delivery.experiment.learning import (
    learn_within,
    state_numbers,
    states,
    waiting,
)
from taxiway.delivery.experiment.records import running
from taxiway.delivery.lease import give_lease_back, is_held_by_another, take_lease
from taxiway.errors import TaxiwayError
from taxiway.serving.delivering.control.policies import Known
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from taxiway.registry.database.session import Database

_LOG = logging.getLogger(__name__)


def lease_of(experiment: int) -> str:
    """The name of the lease under which a policy learns."""
    return f"experiment:{experiment}"


class Experiments:
    """A `Turn`.

    Args:
      database: the registry.
      gateway: id of this one, which holds the leases.
      models: that it serves.
      lease_seconds: for how long an experiment is this gateway's.
      on_states: is given all that is known of policies, when some of it is new; in the thread.
    """

    def __init__(
        self,
        database: Database,
        gateway: str,
        models: Sequence[str],
        lease_seconds: float,
        on_states: Callable[[Mapping[int, Known]], None],
    ) -> None:
        self._database = database
        self._environment = database.settings.environment
        self._gateway = gateway
        self._models = frozenset(models)
        self._lease_seconds = lease_seconds
        self._on_states = on_states
        self._numbers: Mapping[int, int] = {}
        self._held: frozenset[int] = frozenset()

    def look(self) -> Mapping[str, str]:
        """Has policies learn that no other gateway has learn; see `Turn`."""
        with self._database.reading() as connection:
            numbers = state_numbers(connection, self._environment)
            free = self._free(connection) if numbers else []
        held, trouble = set(), {}
        for experiment in free:
            try:
                if self._learn(experiment):
                    held.add(experiment)
            except TaxiwayError as error:
                trouble[f"experiment {experiment}"] = error.message
        self._held = frozenset(held)
        if held or numbers != self._numbers:
            self._read()
        return trouble

    def give_back(self) -> None:
        """Ends the leases; see `Turn`."""
        if self._held:
            with self._database.working() as connection:
                for experiment in self._held:
                    give_lease_back(connection, lease_of(experiment), self._gateway)

    def _learn(self, experiment: int) -> bool:
        """Has one learn what waits; whether it is this gateway's."""
        with self._database.working() as connection:
            lease = lease_of(experiment)
            if not take_lease(connection, lease, self._gateway, self._lease_seconds):
                return False
            learnt = learn_within(connection, experiment)
        for why in learnt.refused[:1]:
            _LOG.warning(
                "experiment %d learns nothing from %d rewards: %s",
                experiment, len(learnt.refused), one_line(why),
            )  # fmt: skip
        return True

    def _free(self, connection: Connection) -> list[int]:
        """Of those that wait, the ones that no other gateway has learn."""
        return [
            experiment
            for experiment in waiting(connection)
            if not is_held_by_another(connection, lease_of(experiment), self._gateway)
        ]

    def _read(self) -> None:
        """Tells of states that are newer than those that were told of."""
        with self._database.reading() as connection:
            numbers = state_numbers(connection, self._environment)
            known = self._known(connection)
        self._on_states(known)
        self._numbers = numbers

    def _known(self, connection: Connection) -> dict[int, Known]:
        learnt = states(connection, self._environment)
        return {
            one.id: Known(one.design.policy, learnt[one.id])
            for one in running(connection, self._environment)
            if one.id in learnt and one.model in self._models
        }
