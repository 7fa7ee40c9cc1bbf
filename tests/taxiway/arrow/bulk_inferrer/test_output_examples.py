"""Examples with the answers among their features, as the stock engine writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.taxiway.arrow.bulk_inferrer.conftest import (
    SIZES,
    executed,
)

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("bulk_inferrer")]


def test_output_examples_are_those_of_the_stock_engine(
    examples: Any, model: Any, tmp_path: Path
) -> None:
    columns = [
        {"output_key": "probability", "output_column": "p"},
        {"output_key": "scores", "output_column": "both"},
        {"output_key": "twice", "output_column": "double"},
    ]
    properties = {
        "output_example_spec": json.dumps(
            {"output_columns_spec": [{"predict_output": {"output_columns": columns}}]}
        )
    }
    mine, theirs = (
        executed(engine, tmp_path / engine, examples, model, properties, "output_examples")
        for engine in ("arrow", "beam")
    )
    assert mine.split_names == theirs.split_names
    for split, sizes in SIZES.items():
        found, expected = by_key(mine, split), by_key(theirs, split)
        assert list(found) == [f"{split} {f} {n} ü" for f, s in enumerate(sizes) for n in range(s)]
        assert found.keys() == expected.keys()
        for key, features in expected.items():
            assert found[key].keys() == features.keys()
            for name, (kind, values) in features.items():
                assert found[key][name][0] == kind, name
                assert found[key][name][1] == pytest.approx(values, rel=1e-6), name


def by_key(artifact: Any, split: str) -> dict[str, dict[str, tuple[str, list[Any]]]]:
    """Features of output examples: their kinds and values."""
    import tensorflow as tf

    found = {}
    for path in sorted(Path(artifact.uri, f"Split-{split}").iterdir()):
        for record in tf.data.TFRecordDataset(str(path), compression_type="GZIP"):
            features = tf.train.Example.FromString(record.numpy()).features.feature
            read = {}
            for name, feature in features.items():
                kind = feature.WhichOneof("kind")
                read[name] = (kind or "", list(getattr(feature, kind).value) if kind else [])
            found[read["key"][1][0].decode()] = read
    return found


def test_features_are_appended_whatever_wrote_the_example() -> None:
    import pyarrow as pa
    import tensorflow as tf

    from taxiway.arrow.bulk_inferrer.appending import Appender

    def one(name: str, size: int) -> bytes:
        example = tf.train.Example()
        example.features.feature[name].bytes_list.value.append(b"x" * size)
        return bytes(example.SerializeToString())

    whole = [one("a", 1), one("a", 200), one("a", 70000), b""]
    in_parts = [one("a", 1) + one("b", 1)]
    column = pa.array([float(n) for n in range(5)], pa.float32())
    found = Appender().append([*whole, *in_parts], {"p": column})
    for number, (before, after) in enumerate(zip([*whole, *in_parts], found, strict=True)):
        expected = tf.train.Example.FromString(before)
        expected.features.feature["p"].float_list.value.append(number)
        assert tf.train.Example.FromString(after) == expected
