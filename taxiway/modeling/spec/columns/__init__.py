"""The roles that a column can have: what is made of it, and what it becomes for the network.

A file for each family. A new role is a class in one of them and in `Column`, and a function in
`taxiway.modeling.preprocessing.graph.GRAPHS`.
"""

from taxiway.modeling.spec.columns.base import XF_SUFFIX, Encoding, Output, Role
from taxiway.modeling.spec.columns.categories import Categorical, Crossed, Multivalent
from taxiway.modeling.spec.columns.numbers import Bucketized, Numeric, Quantiles, indicator_name
from taxiway.modeling.spec.columns.texts import Text
from taxiway.modeling.spec.columns.times import Timestamp

Column = Numeric | Bucketized | Quantiles | Categorical | Multivalent | Crossed | Timestamp | Text


def transformed_name(column: Role) -> str:
    """The name of a column after Transform; its role is part of it."""
    return column.transformed_name


__all__ = [
    "XF_SUFFIX",
    "Bucketized",
    "Categorical",
    "Column",
    "Crossed",
    "Encoding",
    "Multivalent",
    "Numeric",
    "Output",
    "Quantiles",
    "Role",
    "Text",
    "Timestamp",
    "indicator_name",
    "transformed_name",
]
