"""What a model learns and from what: the task, and the role of every column.

A model's features.py imports from here.
"""

from taxiway.modeling.spec.columns import Bucketized, Categorical, Column, Numeric, Output
from taxiway.modeling.spec.feature_spec import FeatureSpec, features_file, load_spec
from taxiway.modeling.spec.tasks import Binary, MultiClass, Regression, Task

__all__ = [
    "Binary",
    "Bucketized",
    "Categorical",
    "Column",
    "FeatureSpec",
    "MultiClass",
    "Numeric",
    "Output",
    "Regression",
    "Task",
    "features_file",
    "load_spec",
]
