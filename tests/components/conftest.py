"""Real evaluations, which the evaluation's tests make, for components that read them."""

from tests.taxiway.evaluation.conftest import alone, compared

__all__ = ["alone", "compared"]
