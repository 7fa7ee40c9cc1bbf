"""What TFDV's protos say, as plain rows: no TFDV, whose views load scripts from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

STATISTICS_FILE: Final = "FeatureStats.pb"
ANOMALIES_FILE: Final = "SchemaDiff.pb"
QUARTILES: Final = {"25 %": 0.25, "median": 0.5, "75 %": 0.75}


def splits(uri: str) -> Iterator[tuple[str, Any]]:
    """Statistics by split, from the folder of StatisticsGen's output."""
    for path in sorted(Path(uri).glob(f"Split-*/{STATISTICS_FILE}")):
        found = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())
        yield path.parent.name.removeprefix("Split-"), found.datasets[0]


def described(uri: str) -> list[dict[str, Any]]:
    """A row per split and feature; what a feature's type has not is None.

    Args:
      uri: of StatisticsGen's output.
    """
    return [
        {"feature": name_of(feature), "split": split, **_described(feature, dataset.num_examples)}
        for split, dataset in splits(uri)
        for feature in dataset.features
    ]


def _described(feature: Any, rows: int) -> dict[str, Any]:
    numeric = feature.HasField("num_stats")
    stats = feature.num_stats if numeric else feature.string_stats
    common = stats.common_stats
    found: dict[str, Any] = {
        "rows": common.num_non_missing,
        "missing": 1 - common.num_non_missing / rows if rows else None,
        "mean": stats.mean if numeric else None,
        "deviation": stats.std_dev if numeric else None,
        "lowest": stats.min if numeric else None,
        **dict.fromkeys(QUARTILES),
        "highest": stats.max if numeric else None,
        "values": None if numeric else stats.unique,
        "commonest": stats.top_values[0].value if not numeric and stats.top_values else None,
    }
    buckets = quantiles(feature)
    if buckets:
        found |= {name: _quantile(buckets, share) for name, share in QUARTILES.items()}
    return found


def name_of(feature: Any) -> str:
    """Of a feature in statistics."""
    return str(feature.name or ".".join(feature.path.step))


def quantiles(feature: Any) -> list[tuple[float, float, float]]:
    """Low, high and rows of each bucket of a number's quantiles; none of what is no number."""
    for histogram in feature.num_stats.histograms if feature.HasField("num_stats") else ():
        if histogram.type == statistics_pb2.Histogram.QUANTILES:
            return [(one.low_value, one.high_value, one.sample_count) for one in histogram.buckets]
    return []


def bars(feature: Any, most: int = 20) -> list[tuple[str, float]]:
    """Rows by value or range of values: of a text the commonest, of a number ten equal ranges."""
    if not feature.HasField("num_stats"):
        ranked = feature.string_stats.rank_histogram.buckets[:most]
        return [(str(one.label), float(one.sample_count)) for one in ranked]
    for histogram in feature.num_stats.histograms:
        if histogram.type == statistics_pb2.Histogram.STANDARD:
            return [
                (f"{one.low_value:.4g} to {one.high_value:.4g}", float(one.sample_count))
                for one in histogram.buckets
            ]
    return []


def _quantile(buckets: list[tuple[float, float, float]], share: float) -> float:
    wanted = share * sum(rows for _, _, rows in buckets)
    for low, high, rows in buckets:
        if wanted <= rows:
            return low + (high - low) * (wanted / rows if rows else 0.0)
        wanted -= rows
    return buckets[-1][1]


def distances(uri: str) -> list[tuple[str, str, float, float]]:
    """Feature, measure, distance and threshold, from DistributionValidator's output."""
    found = []
    for path in sorted(Path(uri).glob(f"*/{ANOMALIES_FILE}")):
        anomalies = anomalies_pb2.Anomalies.FromString(path.read_bytes())
        for info in anomalies.drift_skew_info:
            for one in (*info.drift_measurements, *info.skew_measurements):
                measure = anomalies_pb2.DriftSkewInfo.Measurement.Type.Name(one.type).lower()
                found.append((".".join(info.path.step), measure, one.value, one.threshold))
    return found


def features(schema: Any) -> list[dict[str, Any]]:
    """A row per feature of a schema."""
    domains = {one.name: list(one.value) for one in schema.string_domain}
    return [
        {
            "feature": one.name,
            "type": schema_pb2.FeatureType.Name(one.type),
            "at least present": one.presence.min_fraction if one.HasField("presence") else None,
            "domain": _domain(one, domains),
        }
        for one in schema.feature
    ]


def _domain(feature: Any, shared: dict[str, list[str]]) -> str:
    kind = feature.WhichOneof("domain_info")
    if kind is None:
        return ""
    if kind == "domain":
        return ", ".join(shared.get(feature.domain, ()))
    value = getattr(feature, kind)
    if kind == "string_domain":
        return ", ".join(value.value)
    has = [name for name in ("min", "max") if hasattr(value, name) and value.HasField(name)]
    return ", ".join(f"{name} {getattr(value, name):g}" for name in has)
