"""Whether both sides' schemas and anomalies are the same, an empty cell being the same as none.

CsvExampleGen writes an empty cell as a feature with an empty list, which TFDV counts as present
with no value; Taxiway leaves the feature unset, which is missing. Stock's inferred schema therefore
demands columns that have gaps, and its ExampleValidator reports each gap as a wrong value count. So
TFDV is asked what schema and anomalies follow from stock's statistics with such cells missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.same_statistics import with_empty_as_missing


def read_schema(uri: str) -> Any:
    """The schema of a Schema artifact."""
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    (path,) = Path(uri).glob("*.pbtxt")
    return text_format.Parse(path.read_text(encoding="utf-8"), schema_pb2.Schema())


def read_anomalies(uri: str, split: str) -> dict[str, str]:
    """What was found in a split: severity and reason by column."""
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    anomalies = anomalies_pb2.Anomalies()
    anomalies.ParseFromString((Path(uri) / f"Split-{split}" / "SchemaDiff.pb").read_bytes())
    return describe_anomalies(anomalies)


def describe_anomalies(anomalies: Any) -> dict[str, str]:
    """Severity and reason of each anomaly, by column."""
    return {
        name: f"severity {one.severity}, {one.short_description}"
        for name, one in anomalies.anomaly_info.items()
    }


def inferred_from(statistics: Sequence[Any]) -> Any:
    """The schema that SchemaGen infers from the statistics of each split."""
    import tensorflow_data_validation as tfdv

    first, *rest = (_as_list(one) for one in statistics)
    schema = tfdv.infer_schema(first, infer_feature_shape=False)
    for one in rest:
        schema = tfdv.update_schema(schema, one, infer_feature_shape=False)
    return schema


def anomalies_in(statistics: Any, schema: Any) -> dict[str, str]:
    """What ExampleValidator finds in the statistics of a split."""
    import tensorflow_data_validation as tfdv

    return describe_anomalies(tfdv.validate_statistics(_as_list(statistics), schema))


def schema_differences(stock: Any, taxiway: Any) -> list[str]:
    """What differs between two schemas, the order of features and of domains' values left out."""
    return mapping_differences(_features(stock), _features(taxiway))


def mapping_differences(stock: Mapping[str, str], taxiway: Mapping[str, str]) -> list[str]:
    """A sentence for each name that does not say the same."""
    return [
        f"'{name}' is {stock.get(name)!r} by stock, {taxiway.get(name)!r} by Taxiway"
        for name in sorted({*stock, *taxiway})
        if stock.get(name) != taxiway.get(name)
    ]


def _as_list(statistics: Any) -> Any:
    from tensorflow_metadata.proto.v0 import statistics_pb2

    return statistics_pb2.DatasetFeatureStatisticsList(datasets=[with_empty_as_missing(statistics)])


def _features(schema: Any) -> dict[str, str]:
    """Features and named domains as text, by name."""
    from google.protobuf import text_format

    copy = type(schema)()
    copy.CopyFrom(schema)
    for owner in (*copy.string_domain, *(one.string_domain for one in copy.feature)):
        owner.value.sort()
    parts = {one.name: one for one in copy.feature}
    parts |= {f"domain {one.name}": one for one in copy.string_domain}
    return {name: " ".join(text_format.MessageToString(one).split()) for name, one in parts.items()}
