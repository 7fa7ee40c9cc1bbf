"""What a run knows of its model, as plain values: what the model card is filled from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tensorflow_metadata.proto.v0 import statistics_pb2

from taxiway.evaluation.ranking import Ranking
from taxiway.evaluation.results import OVERALL, SliceMetrics, worst_slices
from taxiway.modeling.inputs import HYPERPARAMETERS_FILE
from taxiway.modeling.names import TRAIN_SPLIT
from taxiway.modeling.spec import FeatureSpec

WORST_SLICES: Final = 5
MOST_VALUES: Final = 20
"""Of a column of texts, the most frequent ones that are kept."""
LONGEST_VALUE: Final = 100
OF_THE_DATA: Final = ("digest", "rows_train", "rows_eval", "rows_dropped", "rows_unlabelled")
OF_THE_TRIAL: Final = ("latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "isolation")


def data_facts(examples: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Spans, rows and digests, from the custom properties of both artifacts."""
    spans = str(examples.get("spans") or examples.get("span") or "")
    told = {name: examples[name] for name in OF_THE_DATA if name in examples}
    numbers = [int(one) for one in spans.split(",") if one]
    return {"spans": numbers, **told, "schema_sha256": schema.get("sha256", "")}


def input_facts(
    spec: FeatureSpec, contract: Mapping[str, Any], statistics_uri: str
) -> dict[str, Any]:
    """What goes in: the columns that are meant, and the values that were seen."""
    return {
        "columns": column_facts(spec, contract),
        "ranges": range_facts(statistics_uri, spec),
    }


def column_facts(spec: FeatureSpec, contract: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The columns that a model is meant for: what each may be, and what it is used as."""
    return [
        {
            "name": name,
            **of_input,
            "roles": [type(column).__name__ for column in spec.columns if name in column.sources],
        }
        for name, of_input in contract["inputs"].items()
    ]


def training_facts(hyperparameters_folder: str) -> dict[str, Any]:
    """What the Trainer was given."""
    text = (Path(hyperparameters_folder) / HYPERPARAMETERS_FILE).read_text(encoding="utf-8")
    return {"hyperparameters": json.loads(text)}


def evaluation_facts(slices: Sequence[SliceMetrics], ranking: Ranking) -> dict[str, Any]:
    """Metrics with their intervals, on the whole eval split and on the worst slices."""
    whole = [_slice(one) for one in slices if one.name == OVERALL]
    worst = [_slice(one) for one in worst_slices(list(slices), ranking, WORST_SLICES)]
    return {
        "overall": whole[0] if whole else {},
        "worst_slices": worst if ranking.metric else [],
        "ranked_by": ranking.metric,
        "slices": len(slices) - len(whole),
    }


def _slice(measured: SliceMetrics) -> dict[str, Any]:
    return {
        "name": measured.name,
        "metrics": dict(measured.metrics),
        "intervals": {name: list(ends) for name, ends in measured.intervals.items()},
        "undefined": dict(measured.undefined),
    }


def range_facts(statistics_uri: str, spec: FeatureSpec) -> dict[str, Any]:
    """By input, the values of the train split: beyond them nothing was learned.

    Numbers have `min` and `max`, texts the most frequent `values` and how many `unique` ones there
    are; `missing` is the share of rows without any.
    """
    path = Path(statistics_uri) / f"Split-{TRAIN_SPLIT}" / "FeatureStats.pb"
    read = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())
    features = {one.path.step[0]: one for one in read.datasets[0].features if one.path.step}
    return {name: _range(features[name]) for name in spec.inputs() if name in features}


def _range(feature: Any) -> dict[str, Any]:
    kind = feature.WhichOneof("stats")
    if kind not in ("num_stats", "string_stats"):
        return {}
    stats = getattr(feature, kind)
    common = stats.common_stats
    rows = common.num_missing + common.num_non_missing
    told = {"missing": common.num_missing / rows if rows else 0.0}
    if kind == "num_stats":
        return told | {"min": stats.min, "max": stats.max}
    values = [one.value[:LONGEST_VALUE] for one in stats.top_values[:MOST_VALUES]]
    return told | {"unique": stats.unique, "values": values}


def trial_facts(blessing: Mapping[str, Any]) -> dict[str, Any]:
    """What InfraValidator measured, from its blessing's custom properties."""
    return {name: blessing[name] for name in OF_THE_TRIAL if name in blessing}
