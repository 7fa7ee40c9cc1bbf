"""TFX's own Evaluator on Beam, which can do without a baseline that cannot be used."""

from __future__ import annotations

from taxiway.arrow.checked_models import StockEvaluator
from taxiway.arrow.evaluator.baseline import UsableBaseline


class Executor(UsableBaseline, StockEvaluator):
    """The stock executor, behind `UsableBaseline`."""


class StrictExecutor(Executor):
    """The same, where `evaluation.baseline` is `required`."""

    baseline_rule = "required"
