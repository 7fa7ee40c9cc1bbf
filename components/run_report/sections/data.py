"""The data of a run: spans, rows, labels, and how each feature is spread now and was then.

Now is the eval split, then the train split: where spans are of time, the newest span against those
before it. Distances are TFDV's own, as DistributionValidator measured them against its bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from components.data_gate.logic import ANOMALIES_FILE, read_findings
from components.data_gate.rules import read_evidence
from components.distribution_validator.histograms import align_histograms
from components.run_report.sections.known import KnownRun
from taxiway.metadata.records import ArtifactRecord
from taxiway.modeling.names import EVAL_SPLIT, TRAIN_SPLIT
from taxiway.modeling.spec import Binary, FeatureSpec

MOST_VALUES: Final = 12
"""Of a column of texts that are drawn: the commonest."""
LONGEST_VALUE: Final = 40
MEASURES: Final[Mapping[int, str]] = {
    anomalies_pb2.DriftSkewInfo.Measurement.L_INFTY: "L-infinity",
    anomalies_pb2.DriftSkewInfo.Measurement.JENSEN_SHANNON_DIVERGENCE: "Jensen-Shannon",
    anomalies_pb2.DriftSkewInfo.Measurement.NORMALIZED_ABSOLUTE_DIFFERENCE: "absolute difference",
}


def data_section(run: KnownRun) -> dict[str, Any] | None:
    """Spans, rows and drift; None where no data was read."""
    examples = run.output("ArrowExampleGen", "examples")
    if examples is None:
        return None
    splits = _statistics(run.uri("StatisticsGen", "statistics"))
    label = run.spec.label if run.spec else ""
    return {
        "spans": str(examples.properties.get("spans", "")).replace(",", ", "),
        "rows": _counted(examples),
        "labels": {name: _label(split, run.spec) for name, split in splits.items()},
        "label": label,
        "features": _features(splits, _distances(run), run.spec),
    }


def anomalies_section(run: KnownRun) -> list[dict[str, Any]] | None:
    """What the validators found, whatever the gate made of it; None where neither has run."""
    of_schema = run.uri("ExampleValidator", "anomalies")
    of_drift = run.uri("DistributionValidator", "anomalies")
    if not of_schema and not of_drift:
        return None
    found = [
        *(read_findings(Path(of_schema), "schema") if of_schema else ()),
        *(read_findings(Path(of_drift), "drift") if of_drift else ()),
    ]
    return [asdict(one) for one in found]


def _counted(examples: ArtifactRecord) -> dict[str, int]:
    """Rows by split, and rows that were read, dropped, and so on."""
    known = examples.properties.items()
    return {name.removeprefix("rows_"): int(n) for name, n in known if name.startswith("rows_")}


def _statistics(folder: str) -> dict[str, Any]:
    """Of each split; empty where there are none on this machine."""
    return dict(read_evidence(Path(folder)).statistics) if folder else {}


def _label(split: Any, spec: FeatureSpec | None) -> dict[str, Any] | None:
    """Of numbers the mean, which for 0 and 1 is the rate of yes; of texts the share of each."""
    feature = _by_name(split).get(spec.label) if spec else None
    if spec is None or feature is None:
        return None
    if feature.WhichOneof("stats") == "num_stats":
        told: dict[str, Any] = {"mean": feature.num_stats.mean}
        if isinstance(spec.task, Binary) and spec.task.positive is None:
            told["rate"] = feature.num_stats.mean
        return told
    shares = _values(feature)
    positive = getattr(spec.task, "positive", None)
    told = {"shares": dict(list(shares.items())[:MOST_VALUES])}
    return told if positive is None else told | {"rate": shares.get(str(positive), 0.0)}


def _features(
    splits: Mapping[str, Any], distances: Mapping[str, Any], spec: FeatureSpec | None
) -> list[dict[str, Any]]:
    """The furthest from what they were first."""
    now, then = splits.get(EVAL_SPLIT), splits.get(TRAIN_SPLIT)
    if now is None:
        return []
    align_histograms([one for one in (now, then) if one is not None])
    of_now, of_then = _by_name(now), _by_name(then) if then is not None else {}
    wanted = [name for name in (spec.inputs() if spec else sorted(of_now)) if name in of_now]
    found = [
        {
            "name": name,
            "missing": [_missing(of_now[name]), _missing(of_then.get(name))],
            **_histograms(of_now[name], of_then.get(name)),
            **distances.get(name, {"measure": "", "distance": None, "bound": None}),
        }
        for name in wanted
    ]
    return sorted(found, key=lambda one: -(one["distance"] or 0.0))


def _by_name(split: Any) -> dict[str, Any]:
    return {".".join(one.path.step) or one.name: one for one in split.features}


def _missing(feature: Any | None) -> float | None:
    kind = feature.WhichOneof("stats") if feature is not None else None
    if feature is None or kind is None:
        return None
    common = getattr(feature, kind).common_stats
    rows = common.num_missing + common.num_non_missing
    return common.num_missing / rows if rows else None


def _histograms(now: Any, then: Any | None) -> dict[str, Any]:
    """Shares of rows in the same bins, or by the same values."""
    if now.WhichOneof("stats") == "num_stats":
        shares = [_bins(one) for one in (now, then) if one is not None]
        edges = [now.num_stats.min, now.num_stats.max]
        return {"now": shares[0], "then": shares[1] if len(shares) > 1 else [], "range": edges}
    of_now, of_then = _values(now), _values(then)
    order = sorted(
        {*of_now, *of_then}, key=lambda one: -max(of_now.get(one, 0), of_then.get(one, 0))
    )
    names = order[:MOST_VALUES]
    return {
        "values": names,
        "now": [of_now.get(name, 0.0) for name in names],
        "then": [of_then.get(name, 0.0) for name in names] if of_then else [],
    }


def _bins(feature: Any) -> list[float]:
    for histogram in feature.num_stats.histograms:
        if histogram.type == statistics_pb2.Histogram.STANDARD:
            counts = [one.sample_count for one in histogram.buckets]
            total = sum(counts)
            return [count / total for count in counts] if total else []
    return []


def _values(feature: Any | None) -> dict[str, float]:
    """Shares by value, the commonest first."""
    if feature is None or feature.WhichOneof("stats") != "string_stats":
        return {}
    stats = feature.string_stats
    total = stats.common_stats.tot_num_values or stats.common_stats.num_non_missing
    ranked = [(one.label, one.sample_count) for one in stats.rank_histogram.buckets]
    ranked.sort(key=lambda one: (-one[1], one[0]))
    return {label[:LONGEST_VALUE]: count / total for label, count in ranked} if total else {}


def _distances(run: KnownRun) -> dict[str, Any]:
    """What DistributionValidator measured, by feature."""
    folder = run.uri("DistributionValidator", "anomalies")
    found: dict[str, Any] = {}
    for path in sorted(Path(folder).glob(f"*/{ANOMALIES_FILE}")) if folder else ():
        for info in anomalies_pb2.Anomalies.FromString(path.read_bytes()).drift_skew_info:
            for one in _measurements(info):
                found[".".join(info.path.step)] = {
                    "measure": MEASURES.get(one.type, ""),
                    "distance": one.value,
                    "bound": one.threshold,
                }
    return found


def _measurements(info: Any) -> Sequence[Any]:
    return [*info.drift_measurements, *info.skew_measurements]
