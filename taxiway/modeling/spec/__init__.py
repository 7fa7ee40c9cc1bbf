"""What a model learns and from what: the task, and the role of every column.

A model's features.py imports from here.
"""

from taxiway.modeling.spec.columns import (
    Bucketized,
    Categorical,
    Column,
    Crossed,
    Multivalent,
    Numeric,
    Output,
    Quantiles,
    Text,
    Timestamp,
)
from taxiway.modeling.spec.feature_spec import FeatureSpec, features_file, load_spec
from taxiway.modeling.spec.tasks import Binary, MultiClass, Regression, Task

__all__ = [
    "Binary",
    "Bucketized",
    "Categorical",
    "Column",
    "Crossed",
    "FeatureSpec",
    "MultiClass",
    "Multivalent",
    "Numeric",
    "Output",
    "Quantiles",
    "Regression",
    "Task",
    "Text",
    "Timestamp",
    "features_file",
    "load_spec",
]
