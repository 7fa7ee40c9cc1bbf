"""Whether both Transforms learned the same: both graphs applied to the same raw rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.same_statistics import TOLERANCE

ROWS: Final = 4096
"""Raw rows that both graphs are applied to; enough to see every category and bucket."""

Columns = Mapping[str, npt.NDArray[Any]]


def transform_differences(stock: Columns, taxiway: Columns) -> list[str]:
    """What differs between two sets of transformed columns, one sentence per column."""
    if set(stock) != set(taxiway):
        return [f"columns {sorted(set(stock) ^ set(taxiway))} are in one of the two only"]
    found = []
    for name in sorted(stock):
        one, other = stock[name], taxiway[name]
        if one.shape != other.shape or one.dtype != other.dtype:
            found.append(f"'{name}' is {one.dtype}{one.shape} in stock, {other.dtype}{other.shape}")
        elif not np.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE):
            gap = float(np.max(np.abs(one.astype(np.float64) - other.astype(np.float64))))
            found.append(f"'{name}' differs by up to {gap:.3g}")
    return found


def transformed(graph_uri: str, rows: Any) -> Columns:
    """The first rows of an Arrow table, transformed by a graph of either side."""
    import tensorflow as tf
    import tensorflow_transform as tft

    output = tft.TFTransformOutput(graph_uri)
    spec = output.raw_feature_spec()
    table = rows.slice(0, ROWS)
    examples = [_example(row, spec) for row in table.select(sorted(spec)).to_pylist()]
    raw = tf.io.parse_example(examples, spec)
    made = output.transform_features_layer()(raw)
    return {name: np.asarray(tensor) for name, tensor in made.items()}


def _example(row: Mapping[str, Any], spec: Mapping[str, Any]) -> bytes:
    import tensorflow as tf

    features = {}
    for name, value in row.items():
        values = [] if value is None else [value]
        dtype = spec[name].dtype
        if dtype == tf.string:
            feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        elif dtype.is_floating:
            feature = tf.train.Feature(float_list=tf.train.FloatList(value=values))
        else:
            feature = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        features[name] = feature
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return bytes(example.SerializeToString())
