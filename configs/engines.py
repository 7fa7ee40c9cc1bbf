"""How heavy steps are computed: which engine each one uses, and where the arrow engine works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from configs.section import Frozen

EngineKind = Literal["arrow", "beam"]
HeavyStep = Literal["StatisticsGen", "Transform", "Evaluator"]
"""Components with two executors behind one spec."""

Tries = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


class Workers(Frozen):
    """What every kind of worker is told."""

    tries: Tries = 3
    """How often a shard is tried before the step fails; a DataError is never tried again."""
    task_seconds: Seconds = 3600.0
    """Deadline of one shard; inline work cannot be stopped and knows only the next one."""
    job_seconds: Seconds = 24 * 3600.0
    """Deadline of a whole step."""


class AutoWorkers(Workers):
    """Inline for small inputs and on one core, processes otherwise."""

    kind: Literal["auto"]


class InlineWorkers(Workers):
    """In the step's own process, shard after shard."""

    kind: Literal["inline"]


class ProcessWorkers(Workers):
    """Processes of this machine, kept from step to step."""

    kind: Literal["processes"]
    count: Annotated[int, Field(ge=0)] = 0
    """0: one a core."""


WorkersConfig = Annotated[AutoWorkers | InlineWorkers | ProcessWorkers, Field(discriminator="kind")]


class Engine(Frozen):
    """Which executor each heavy step uses; their specs and artifacts are the same."""

    default: EngineKind = "arrow"
    """arrow: vectorised, streaming, on `workers`. beam: TFX's own executor, for Beam runners."""
    components: Mapping[HeavyStep, EngineKind] = {}
    """The exceptions, such as `{Evaluator: beam}`."""
    workers: WorkersConfig = AutoWorkers(kind="auto")

    def of(self, step: HeavyStep) -> EngineKind:
        """The engine of one step."""
        return self.components.get(step, self.default)
