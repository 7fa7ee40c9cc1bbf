"""Which columns DistributionValidator compares between train and eval, and by what measure."""

from __future__ import annotations

from typing import Any

from tensorflow_metadata.proto.v0 import path_pb2, schema_pb2
from tfx.proto import distribution_validator_pb2

from taxiway.config.gates import DataGate
from taxiway.errors import ConfigError
from taxiway.modeling.spec import FeatureSpec
from taxiway.modeling.spec.schema import NUMBERS, feature_kinds, read_schema


def drift_config(gate: DataGate, spec: FeatureSpec, schema_file: str) -> Any:
    """L-infinity norm for strings, Jensen-Shannon divergence for numbers, on every feature.

    Whole numbers that are categories are numbers to statistics.

    Args:
      gate: has the threshold.
      spec: names the features.
      schema_file: the curated schema; of one that cannot be read here (a bucket that only the
        cluster may open) roles tell what is a number.
    """
    try:
        kinds = feature_kinds(read_schema(schema_file))
    except ConfigError:
        kinds = {}
    numbers = {name for name in spec.inputs() if kinds.get(name) in NUMBERS}
    numbers |= spec.numbers() - set(kinds)
    config = distribution_validator_pb2.DistributionValidatorConfig()
    for name in spec.inputs():
        comparator = schema_pb2.FeatureComparator()
        if name in numbers:
            comparator.jensen_shannon_divergence.threshold = gate.drift_threshold
        else:
            comparator.infinity_norm.threshold = gate.drift_threshold
        config.default_slice_config.feature.add(
            path=path_pb2.Path(step=[name]), distribution_comparator=comparator
        )
    return config
