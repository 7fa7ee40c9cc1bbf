"""Whether both Evaluators measure the same: every metric of every slice of one and the same model.

Stock and Taxiway train two models, on the same rows in another order, and so on other weights (see
`compare`). Comparing their metrics would compare the models. So stock's Evaluator evaluates
Taxiway's model on Taxiway's examples too, after the runs and untimed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.artifacts import Made
from benchmarks.same_statistics import close

Metrics = Mapping[str, Mapping[str, float]]
"""Values of metrics by slice and name."""


def metric_differences(stock: Metrics, taxiway: Metrics) -> list[str]:
    """What differs, one sentence per slice or metric; equal is within 1e-6."""
    found = [
        f"slice {name}: only {'stock' if name in stock else 'Taxiway'} has it"
        for name in sorted(set(stock) ^ set(taxiway))
    ]
    for name in sorted(set(stock) & set(taxiway)):
        one, other = stock[name], taxiway[name]
        found += [
            f"{metric} of {name}: {one.get(metric)} from stock, {other.get(metric)} from Taxiway"
            for metric in sorted({*one, *other})
            if not _agree(one.get(metric), other.get(metric))
        ]
    return found


def counts_of(metrics: Metrics) -> dict[str, float]:
    """Rows of each slice, which do not depend on the model."""
    return {name: values["example_count"] for name, values in metrics.items()}


def read(uri: str) -> Metrics:
    """What an Evaluator wrote."""
    from taxiway.evaluation.results import read_metrics

    return {found.name: found.metrics for found in read_metrics(uri)}


def evaluate_by_stock(made: Made, eval_config: Any) -> Metrics:
    """What TFX's own Evaluator says of a run's model on the run's own examples."""
    from tfx.components.evaluator.executor import Executor
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.types import standard_artifacts
    from tfx.utils import proto_utils

    with tempfile.TemporaryDirectory() as folder:
        evaluation, blessing = (
            standard_artifacts.ModelEvaluation(),
            standard_artifacts.ModelBlessing(),
        )
        evaluation.uri, blessing.uri = f"{folder}/evaluation", f"{folder}/blessing"
        for uri in (evaluation.uri, blessing.uri):
            Path(uri).mkdir()
        context = BaseBeamExecutor.Context(
            beam_pipeline_args=[], tmp_dir=f"{folder}/beam", unique_id="check"
        )
        Executor(context).Do(
            {
                "examples": [made.artifact(made.find("examples"))],
                "model": [made.artifact(made.find("model"))],
            },
            {"evaluation": [evaluation], "blessing": [blessing]},
            {
                "eval_config": proto_utils.proto_to_json(eval_config),
                "example_splits": '["eval"]',
                "fairness_indicator_thresholds": "null",
            },
        )
        return read(evaluation.uri)


def _agree(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and close(one, other)
