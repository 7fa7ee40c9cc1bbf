"""TFX's own Evaluator on Beam, which can do without a baseline that cannot be used."""

from __future__ import annotations

from tfx.components.evaluator import executor

from taxiway.arrow.evaluator.baseline import UsableBaseline


class Executor(UsableBaseline, executor.Executor):  # type: ignore[misc]  # TFX ships no types
    """The stock executor, behind `UsableBaseline`."""


class StrictExecutor(Executor):
    """The same, where `evaluation.baseline` is `required`."""

    baseline_rule = "required"
