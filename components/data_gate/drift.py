"""Which columns DistributionValidator compares between train and eval, and by what measure."""

from __future__ import annotations

from typing import Any

from tensorflow_metadata.proto.v0 import path_pb2, schema_pb2
from tfx.proto import distribution_validator_pb2

from taxiway.config.gates import DataGate
from taxiway.modeling.spec import FeatureSpec


def drift_config(gate: DataGate, spec: FeatureSpec) -> Any:
    """L-infinity norm for strings, Jensen-Shannon divergence for numbers, on every feature."""
    config = distribution_validator_pb2.DistributionValidatorConfig()
    for name in spec.inputs():
        comparator = schema_pb2.FeatureComparator()
        if name in spec.numbers():
            comparator.jensen_shannon_divergence.threshold = gate.drift_threshold
        else:
            comparator.infinity_norm.threshold = gate.drift_threshold
        config.default_slice_config.feature.add(
            path=path_pb2.Path(step=[name]), distribution_comparator=comparator
        )
    return config
