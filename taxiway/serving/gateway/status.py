"""What a gateway tells of itself, for metrics and the status page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

State = Literal["START", "LOADING", "AVAILABLE", "UNLOADING", "END"]


@dataclass(frozen=True)
class VersionStatus:
    """A version that is or was loaded here.

    Args:
      version: its name in the registry.
      number: of TensorFlow Serving's layout.
      state: as TensorFlow Serving names it.
      error: why it is not available; empty where it is.
      labels: aliases by which it can be asked.
      arm: of the route that it is; empty where it has no traffic.
      weight: its share of the traffic that names no version.
      queued_rows: that wait for it.
      memory_bytes: resident, of its worker; None where another machine has it.
      restarts: how often its worker was replaced since the gateway began.
    """

    version: str
    number: int
    state: State
    error: str = ""
    labels: tuple[str, ...] = ()
    arm: str = ""
    weight: float = 0.0
    queued_rows: int = 0
    memory_bytes: int | None = None
    restarts: int = 0


@dataclass(frozen=True)
class RolloutStatus:
    """A rollout that has not ended; the rest of it is in the registry, under its id.

    Args:
      id: of the registry.
      version: the new one.
      stable: the one that served when it began.
      strategy: its kind.
      phase: as Argo Rollouts names it.
      weight: percent of the audience's requests that are to go to the new version.
      step: that it is at, from 0; -1 while the new version is loaded.
      steps: all of them, in words.
      reason: why it is in its phase.
      is_held: whether this gateway moves it on.
    """

    id: int
    version: str
    stable: str
    strategy: str
    phase: str
    weight: float
    step: int
    steps: tuple[str, ...]
    reason: str
    is_held: bool


@dataclass(frozen=True)
class ModelStatus:
    """A model that the gateway serves.

    Args:
      name: of the registry.
      versions: that are or were loaded here, newest first.
      revision: of the route that this gateway goes by; 0 where it has none.
      rollout: that moves its traffic on; None for none.
      audience: whose requests the route splits, in words; empty for everyone's.
      mirror: the version that gets copies of requests; empty for none.
      mirror_share: of the requests, that are copied.
      policy: what chooses between the arms in place of their weights; empty for the weights.
    """

    name: str
    versions: tuple[VersionStatus, ...] = ()
    revision: int = 0
    rollout: RolloutStatus | None = None
    audience: tuple[str, ...] = ()
    mirror: str = ""
    mirror_share: float = 0.0
    policy: str = ""


@dataclass(frozen=True)
class Status:
    """A gateway at one moment.

    Args:
      models: that it serves, by name.
      in_flight: requests that came and are not answered.
      routing_age_seconds: since it last looked for newer routes.
      decisions: counters of the decision log by what they count, such as `written`.
      rewards: counters of rewards that were joined as they came, such as `joined`.
      waiting: why something of delivery waits, by what it is of; empty where nothing does.
    """

    models: tuple[ModelStatus, ...]
    in_flight: int = 0
    routing_age_seconds: float = 0.0
    decisions: Mapping[str, int] = field(default_factory=dict)
    rewards: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)


class Operated(Protocol):
    """A gateway, as its operators see it. For one event loop."""

    def status(self) -> Status:
        """How it is now; on the event loop, without waiting."""

    def ready(self) -> bool:
        """Whether every model has a version that answers."""

    def reload(self, model: str, version: str, why: str) -> None:
        """Has the worker of a version replaced by another, in the background.

        Raises:
          TaxiwayError: there is no such version, or nothing of it to replace.
        """
