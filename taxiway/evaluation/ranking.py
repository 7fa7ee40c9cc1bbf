"""By which metric slices are compared, and the worst are found."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

from taxiway.config.evaluation import Evaluation, Metric
from taxiway.errors import ConfigError, did_you_mean
from taxiway.evaluation.defaults import for_task
from taxiway.evaluation.metrics import better, is_one_number, tfma_class
from taxiway.modeling.spec import FeatureSpec


@dataclass(frozen=True)
class Ranking:
    """By what slices are compared."""

    metric: str
    """Empty where none of those measured has a better and a worse end; then no slice is worst."""
    higher_is_better: bool
    min_rows: int
    """Slices known to have fewer rows are left out: their figures are mostly noise."""

    def to_json(self) -> str:
        """For a component's parameter."""
        return json.dumps(asdict(self))


def ranking_of(evaluation: Evaluation, spec: FeatureSpec) -> Ranking:
    """How the config ranks slices: by `rank_by`, else by the first metric that can, else by none.

    Raises:
      ConfigError: `rank_by` is no metric of the config, or one that cannot rank.
    """
    known = directions(evaluation, spec)
    name = evaluation.rank_by or next(iter(known), "")
    if name:
        check_ranks(name, evaluation, spec, "evaluation.rank_by", "rank slices")
    return Ranking(name, known.get(name) == "higher", evaluation.min_slice_rows)


def directions(evaluation: Evaluation, spec: FeatureSpec) -> dict[str, Literal["higher", "lower"]]:
    """Which way is better, of each metric that is one number with a better and a worse end."""
    metrics = for_task(evaluation, spec).metrics or ()
    return {
        metric.name: "higher" if better(metric) == "higher" else "lower"
        for metric in metrics
        if _can_rank(metric)
    }


def check_ranks(
    name: str, evaluation: Evaluation, spec: FeatureSpec, key: str, purpose: str
) -> None:
    """Refuses a metric that says of no two models or slices which is better.

    Args:
      name: of the metric.
      evaluation: the section.
      spec: of the model.
      key: of the config, that names it.
      purpose: what it cannot do then, such as `rank slices`.

    Raises:
      ConfigError: it is not measured, several numbers, a count, or better at neither end.
    """
    able = directions(evaluation, spec)
    if name in able:
        return
    measured = {metric.name for metric in for_task(evaluation, spec).metrics or ()}
    what = f"'{name}' cannot {purpose}" if name in measured else f"'{name}' is not measured"
    raise ConfigError(
        f"{key}: {what}{did_you_mean(name, able)} (expected one number per slice with better and "
        f"worse: {', '.join(able) or 'none of evaluation.metrics is'})",
        edit=f"{key}, or evaluation.metrics",
    )


def _can_rank(metric: Metric) -> bool:
    counts = ("ExampleCount", "WeightedExampleCount")
    return better(metric) != "target" and tfma_class(metric) not in counts and is_one_number(metric)
