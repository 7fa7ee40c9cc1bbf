"""The Evaluator and the BulkInferrer load models in the run's own process: they look first.

Both engines do. What a fork's models may do beside the list is an execution property, so that it is
part of the cache key; TFX's specs have no place for it and take more than they declare.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tfx.components.bulk_inferrer import executor as bulk_inferrer
from tfx.components.evaluator import executor as evaluator
from tfx.types.standard_component_specs import BASELINE_MODEL_KEY, MODEL_KEY
from tfx.utils import path_utils

from taxiway.modeling.exported.operations import check_model

ALLOWED_OPERATIONS: Final = "allowed_operations"


def allow_operations(component: Any, names: Sequence[str]) -> None:
    """Has a component load models with these operations too."""
    if names:
        component.spec.exec_properties[ALLOWED_OPERATIONS] = json.dumps(list(names))


def check_models(inputs: Mapping[str, Sequence[Any]], properties: Mapping[str, Any]) -> None:
    """Looks at the model and at the baseline, where they are wired.

    Raises:
      ModelRefused: see `taxiway.modeling.exported.operations.check_model`.
    """
    allowed = json.loads(properties.get(ALLOWED_OPERATIONS) or "[]")
    for artifact in (one for key in (MODEL_KEY, BASELINE_MODEL_KEY) for one in inputs.get(key, ())):
        is_old = path_utils.is_old_model_artifact(artifact)
        paths = {find(artifact.uri, is_old) for find in _MODELS}
        for path in sorted(paths):
            check_model(path, allowed)


_MODELS: Final = (path_utils.serving_model_path, path_utils.eval_model_path)
"""An artifact may have a model of its own for evaluation."""


class _Looking:
    """In front of an executor that loads models: looks at them first."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """As the executor behind does, once the models were looked at."""
        check_models(input_dict, exec_properties)
        super().Do(input_dict, output_dict, exec_properties)  # type: ignore[misc]  # of that one


class StockEvaluator(_Looking, evaluator.Executor):  # type: ignore[misc]  # TFX ships no types
    """TFX's own, for models that may be loaded."""


class StockBulkInferrer(_Looking, bulk_inferrer.Executor):  # type: ignore[misc]  # TFX ships no types
    """TFX's own, for models that may be loaded."""
