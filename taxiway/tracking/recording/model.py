"""What a run says of its model: features, metrics, slices, curves and the version it became."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from taxiway.metadata.records import ArtifactRecord, NodeRecord, artifact_of
from taxiway.modeling.curves import read_curves
from taxiway.modeling.spec import load_spec
from taxiway.tracking.run_record.record import Slice

_NAMES: Final = ("name", "label")


def features_of(module: str) -> dict[str, str]:
    """How each column of a model's spec is taken, such as `Numeric(clip=5.0, ...)`, by its name.

    A column with several roles has them one after the other; the label has the task.

    Raises:
      ConfigError: the model's folder has no spec.
    """
    spec = load_spec(module)
    found = {spec.label: _words(spec.task)}
    for column in spec.columns:
        name = ", ".join(column.sources)
        found[name] = f"{found[name]} and {_words(column)}" if name in found else _words(column)
    return found


def metrics_of(nodes: Sequence[NodeRecord]) -> tuple[dict[str, float], tuple[Slice, ...]]:
    """Metrics over all rows, and of each slice, worst or not; both empty without an evaluation."""
    evaluation = artifact_of(nodes, "ModelEvaluation")
    if evaluation is None:
        return {}, ()
    from taxiway.evaluation.results import OVERALL, read_metrics

    read = read_metrics(evaluation.uri)
    whole = next((one.metrics for one in read if one.name == OVERALL), {})
    rest = (one for one in read if one.name != OVERALL)
    return _finite(whole), tuple(Slice(name=one.name, metrics=_finite(one.metrics)) for one in rest)


def curves_of(nodes: Sequence[NodeRecord]) -> Mapping[str, tuple[float, ...]]:
    """Each metric by epoch, from beside the model's logs; empty where nothing was trained."""
    logs = artifact_of(nodes, "ModelRun")
    return read_curves(logs.uri) if logs else {}


def version_of(nodes: Sequence[NodeRecord]) -> str:
    """The version that was registered; empty where none was."""
    made: ArtifactRecord | None = artifact_of(nodes, "ModelVersion")
    return str(made.properties.get("version_name", "")) if made else ""


def _words(role: Any) -> str:
    told = [
        f"{one.name}={getattr(role, one.name)!r}" for one in fields(role) if one.name not in _NAMES
    ]
    return f"{type(role).__name__}({', '.join(told)})"


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if math.isfinite(value)}
