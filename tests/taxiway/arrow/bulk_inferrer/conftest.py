"""A model, awkward rows that have a key, and a BulkInferrer that asks the one about the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.taxiway.arrow.conftest import row, run, write

SIZES = {"train": (200, 1, 0, 90), "eval": (70,)}
"""Rows of each file; one has a single row, one has none."""
KEPT = ("key", "text", "number", "empty", "label")
TEXTS = '{"model_signature_name": ["texts"]}'
Rows = list[dict[str, Any]]


@pytest.fixture(scope="session")
def rows() -> dict[str, list[Rows]]:
    """By split and file: awkward rows that have a key."""
    random = np.random.default_rng(7)
    return {
        split: [
            [{**row(random), "key": [f"{split} {file} {n} ü".encode()]} for n in range(size)]
            for file, size in enumerate(sizes)
        ]
        for split, sizes in SIZES.items()
    }


@pytest.fixture(scope="session")
def examples(rows: dict[str, list[Rows]], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The rows as an artifact."""
    folder = tmp_path_factory.mktemp("examples")
    for split, files in rows.items():
        for number, file in enumerate(files):
            name = f"data_tfrecord-{number:05d}-of-{len(files):05d}.gz"
            write(folder / f"Split-{split}" / name, file)
    return artifact("Examples", folder, list(rows))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Answers with a number, a list and a column of one; `texts` with a text.

    The engines ask in batches of other sizes, and TensorFlow's sigmoid of a row depends on its
    place in the batch by up to 4e-7 of itself. So no score is the difference of two others: that
    would turn this rounding into more than the 1e-6 by which the engines may differ.
    """
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("model")
    features = {
        "weight": tf.io.FixedLenFeature([], tf.float32),
        "count": tf.io.FixedLenFeature([], tf.int64),
        "text": tf.io.FixedLenFeature([], tf.string, default_value="none"),
    }

    def serve(examples: Any) -> dict[str, Any]:
        columns = tf.io.parse_example(examples, features)
        logit = columns["weight"] * 3 - 1
        return {
            "probability": tf.sigmoid(logit),
            "scores": tf.stack([tf.sigmoid(-logit), tf.sigmoid(logit)], axis=1),
            "twice": tf.reshape(columns["count"] * 2, [-1, 1]),
        }

    def say(examples: Any) -> dict[str, Any]:
        columns = tf.io.parse_example(examples, features)
        return {"said": tf.strings.join(["said ", columns["text"]])}

    module = tf.Module()
    spec = [tf.TensorSpec([None], tf.string, name="examples")]
    module.serve = tf.function(serve, input_signature=spec)
    module.say = tf.function(say, input_signature=spec)
    module.whole = tf.function(lambda examples: {"rows": tf.size(examples)}, input_signature=spec)
    module.unknown = tf.function(
        lambda examples: {
            "length": tf.compat.v1.placeholder_with_default(tf.strings.length(examples), None)
        },
        input_signature=spec,
    )
    module.columns = tf.function(
        lambda weight: {"probability": weight},
        input_signature=[tf.TensorSpec([None], tf.float32, name="weight")],
    )
    tf.saved_model.save(
        module,
        str(folder / "Format-Serving"),
        signatures={
            "serving_default": module.serve,
            "texts": module.say,
            "whole": module.whole,
            "unknown": module.unknown,
            "columns": module.columns,
        },
    )
    return artifact("Model", folder)


@pytest.fixture(scope="module")
def predictions(examples: Any, model: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The InferenceResult of the arrow engine, in several batches a file."""
    from taxiway.arrow.bulk_inferrer import infer
    from taxiway.arrow.examples.reading import serialized

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(infer, "serialized", partial(serialized, rows=64))
        return ours(tmp_path_factory.mktemp("ours"), examples, model)


@pytest.fixture(autouse=True, scope="module")
def _forgotten() -> Iterator[None]:
    """Models are kept for the next file; those of this module end with it."""
    yield
    from taxiway.arrow.bulk_inferrer.model import load

    load.cache_clear()


def artifact(kind: str, folder: Path, splits: list[str] | None = None) -> Any:
    from tfx.components.util import examples_utils
    from tfx.proto import example_gen_pb2
    from tfx.types import artifact_utils, standard_artifacts

    made = getattr(standard_artifacts, kind)()
    made.uri = str(folder)
    if splits:
        made.split_names = artifact_utils.encode_split_names(splits)
        examples_utils.set_payload_format(made, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(made, "tfrecords_gzip")
    return made


def ours(folder: Path, examples: Any, model: Any, **properties: Any) -> Any:
    """The arrow engine's InferenceResult."""
    return executed("arrow", folder, examples, model, properties)


def executed(
    engine: str,
    folder: Path,
    examples: Any,
    model: Any,
    properties: Mapping[str, Any],
    output: str = "inference_result",
    **more: Any,
) -> Any:
    from tfx.components.bulk_inferrer.executor import Executor as Stock
    from tfx.types import standard_artifacts

    from taxiway.arrow.bulk_inferrer.executor import Executor

    kinds = {
        "inference_result": standard_artifacts.InferenceResult,
        "output_examples": standard_artifacts.Examples,
    }
    given = {"data_spec": "{}", "model_spec": "{}", "kept_columns": json.dumps(KEPT)}
    return run(
        {"arrow": Executor, "beam": Stock}[engine],
        folder,
        {
            "examples": examples if isinstance(examples, list) else [examples],
            "model": [model],
            **more,
        },
        {output: kinds[output]},
        {**given, **properties},
    )[output]


def table(result: Any, split: str, file: int) -> Any:
    (path,) = Path(result.uri, f"Split-{split}").glob(f"predictions-{file:05d}-of-*.parquet")
    return pq.read_table(path)
