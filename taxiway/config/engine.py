"""The `engine` section: which engine computes each heavy step, and where the arrow engine works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from taxiway.section import Frozen
from taxiway.workers.active import AutoWorkers, WorkersConfig

EngineKind = Literal["arrow", "beam"]
HeavyStep = Literal["StatisticsGen", "Transform", "Evaluator", "BulkInferrer"]
"""Components with two executors behind one spec."""


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
