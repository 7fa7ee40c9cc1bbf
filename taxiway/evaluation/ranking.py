"""By which metric slices are compared, and the worst are found."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

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
    by_name = {metric.name: metric for metric in for_task(evaluation, spec).metrics or ()}
    able = [name for name, metric in by_name.items() if _can_rank(metric)]
    name = evaluation.rank_by or next(iter(able), "")
    if name and name not in able:
        what = f"'{name}' cannot rank slices" if name in by_name else f"'{name}' is not measured"
        raise ConfigError(
            f"evaluation.rank_by: {what}{did_you_mean(name, able)} (expected one number per slice "
            f"with better and worse: {', '.join(able) or 'none of evaluation.metrics is'})",
            edit="evaluation.rank_by, or evaluation.metrics",
        )
    higher = bool(name) and better(by_name[name]) == "higher"
    return Ranking(name, higher, evaluation.min_slice_rows)


def _can_rank(metric: Metric) -> bool:
    counts = ("ExampleCount", "WeightedExampleCount")
    return better(metric) != "target" and tfma_class(metric) not in counts and is_one_number(metric)
