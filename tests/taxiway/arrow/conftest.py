"""Generated tf.Examples with all that is awkward about real ones, and both engines to feed."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.config.beam import DirectBeam, pipeline_args
from taxiway.workers.active import working
from taxiway.workers.inline import InlineWorkers
from tests.conftest import not_measured

SHARDS = {"train": (300, 1, 150), "eval": (120, 40)}
"""Rows of each file of a split; one has a single row."""
BEAM = tuple(pipeline_args(DirectBeam(kind="direct")))
"""By default 2.77 takes a runner that loses rows here, where it cannot download its own."""
WORDS = ("Zürich", "東京", "São Paulo", "naïve", "plain", "", "🛬 landing", "long " * 300)
ONE = "presence { min_fraction: 1.0 min_count: 1 } shape { dim { size: 1 } }"
SOME = "presence { min_fraction: 0.0 } value_count { min: 0 max: %d }"
COLUMNS = {
    "number": ("FLOAT", SOME % 1),
    "count": ("INT", ONE),
    "text": ("BYTES", SOME % 1),
    "many": ("BYTES", SOME % 3),
    "empty": ("FLOAT", SOME % 1),
    "weight": ("FLOAT", ONE),
    "label": ("INT", ONE),
}
SCHEMA = "".join(
    f'feature {{ name: "{name}" type: {kind} {shape} }}\n'
    for name, (kind, shape) in COLUMNS.items()
)


@dataclasses.dataclass(frozen=True)
class Awkward:
    """An Examples artifact and the schema of its columns."""

    examples: Any
    schema: Any


@pytest.fixture(scope="session")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Awkward:
    """Missing values, several values, no values at all, weights, and words outside ASCII."""
    from tfx.components.util import examples_utils
    from tfx.proto import example_gen_pb2
    from tfx.types import artifact_utils, standard_artifacts

    folder = tmp_path_factory.mktemp("awkward")
    random = np.random.default_rng(20)
    for split, sizes in SHARDS.items():
        for shard, rows in enumerate(sizes):
            name = f"data_tfrecord-{shard:05d}-of-{len(sizes):05d}.gz"
            write(folder / f"Split-{split}" / name, [row(random) for _ in range(rows)])
    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    examples.split_names = artifact_utils.encode_split_names(list(SHARDS))
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    schema = standard_artifacts.Schema()
    schema.uri = str(tmp_path_factory.mktemp("schema"))
    (Path(schema.uri) / "schema.pbtxt").write_text(SCHEMA, encoding="utf-8")
    return Awkward(examples, schema)


@pytest.fixture(autouse=True)
def _inline() -> Iterator[None]:
    """Works in this process, whatever the machine has."""
    with working(InlineWorkers(kind="inline")):
        yield


def row(random: Any) -> dict[str, list[Any] | None]:
    """One row; None is a feature that is named but has no value of any kind."""
    words = [WORDS[index].encode() for index in random.integers(0, len(WORDS), 3)]
    made: dict[str, list[Any] | None] = {
        "count": [int(random.integers(0, 50))],
        "empty": None,
        "weight": [float(random.random() + 0.1)],
        "label": [int(random.integers(0, 2))],
        "many": words[: random.integers(0, 4)],
    }
    if random.random() < 0.8:
        made["number"] = [float(random.normal(3.0, 2.0))]
    if random.random() < 0.7:
        made["text"] = words[:1]
    return made


def write(path: Path, rows: list[dict[str, list[Any] | None]]) -> None:
    """Rows as a gzipped TFRecord file."""
    import tensorflow as tf

    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type="GZIP")) as file:
        for made in rows:
            file.write(_example(made).SerializeToString())


def _example(made: dict[str, list[Any] | None]) -> Any:
    import tensorflow as tf

    example = tf.train.Example()
    for name, values in made.items():
        feature = example.features.feature[name]
        if values is None:
            continue
        if name in ("count", "label"):
            feature.int64_list.value.extend(values)
        elif name in ("number", "weight"):
            feature.float_list.value.extend(values)
        else:
            feature.bytes_list.value.extend(values)
            feature.bytes_list.SetInParent()  # a list, though it may hold nothing
    return example


def run(
    executor: Any,
    folder: Path,
    inputs: Any,
    outputs: dict[str, type],
    properties: Any,
    beam_pipeline_args: Sequence[str] = BEAM,
) -> Any:
    """Runs an executor on artifacts, and gives what it was to write; coverage sees ours only."""
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

    made = {}
    for name, kind in outputs.items():
        artifact = kind()
        artifact.uri = str(folder / name)
        Path(artifact.uri).mkdir(parents=True)
        made[name] = [artifact]
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=list(beam_pipeline_args), tmp_dir=str(folder / "tmp"), unique_id="1"
    )
    stock = executor.__module__.startswith("tfx.")
    with not_measured() if stock else contextlib.nullcontext():
        executor(context).Do(inputs, made, properties)
    return {name: artifacts[0] for name, artifacts in made.items()}
