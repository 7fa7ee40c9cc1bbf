"""What both engines make of the columns, and a model that was trained on it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from taxiway.workers.active import working
from taxiway.workers.inline import InlineWorkers
from tests.taxiway.arrow.conftest import run
from tests.taxiway.modeling.columns import rows
from tests.taxiway.modeling.columns.features import SPEC

MODULE = "tests.taxiway.modeling.columns"
HYPERPARAMETERS = {"epochs": 1, "hidden_units": [8], "embedding_size": 3, "batch_size": 64}


@pytest.fixture(scope="session")
def learned_from() -> list[rows.Row]:
    """The rows of the train split."""
    return rows.ordinary(sum(rows.SHARDS), 7)


@pytest.fixture(scope="session")
def columns_split(
    learned_from: list[rows.Row], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Any]:
    """Artifacts of the examples and of their schema."""
    from tfx.components.util import examples_utils
    from tfx.proto import example_gen_pb2
    from tfx.types import artifact_utils, standard_artifacts

    folder = tmp_path_factory.mktemp("columns")
    starts = np.cumsum([0, *rows.SHARDS])
    shards = [learned_from[a:b] for a, b in itertools.pairwise(starts)]
    rows.write(folder / "examples" / "Split-train", shards)
    examples, schema = standard_artifacts.Examples(), standard_artifacts.Schema()
    examples.uri, schema.uri = str(folder / "examples"), str(folder / "schema")
    examples.split_names = artifact_utils.encode_split_names(["train"])
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    Path(schema.uri).mkdir()
    (Path(schema.uri) / "schema.pbtxt").write_text(rows.SCHEMA, encoding="utf-8")
    return examples, schema


def graph(executor: Any, split: tuple[Any, Any], folder: Path) -> str:
    """The `transform_graph` that an executor of Transform makes of the rows."""
    from tfx.types.standard_artifacts import TransformGraph

    examples, schema = split
    properties = {
        "preprocessing_fn": "taxiway.modeling.preprocessing.preprocessing_fn",
        "custom_config": f'{{"module": "{MODULE}"}}',
        "splits_config": '{"analyze": ["train"], "transform": ["train"]}',
        "disable_statistics": 1,
        "force_tf_compat_v1": 0,
    }
    inputs, outputs = (
        {"examples": [examples], "schema": [schema]},
        {"transform_graph": TransformGraph},
    )
    with working(InlineWorkers(kind="inline")):
        made = run(executor, folder, inputs, outputs, properties)
    return str(made["transform_graph"].uri)


@pytest.fixture(scope="session")
def arrow_graph(columns_split: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    from taxiway.arrow.transform.executor import Executor

    return graph(Executor, columns_split, tmp_path_factory.mktemp("arrow"))


@pytest.fixture(scope="session")
def beam_graph(columns_split: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    from tfx.components.transform.executor import Executor

    return graph(Executor, columns_split, tmp_path_factory.mktemp("beam"))


class Transformed:
    """A transform graph, applied to raw rows."""

    def __init__(self, uri: str) -> None:
        import tensorflow as tf
        import tensorflow_transform as tft

        self.output = tft.TFTransformOutput(uri)
        self._graph = tf.saved_model.load(self.output.transform_savedmodel_dir)

    def __call__(self, raw: Sequence[rows.Row]) -> dict[str, np.ndarray]:
        import tensorflow as tf

        examples = tf.constant([rows.example(row) for row in raw])
        parsed = tf.io.parse_example(examples, self.output.raw_feature_spec())
        return {name: value.numpy() for name, value in self._graph.transform_fn(parsed).items()}


@pytest.fixture(scope="session")
def transformed(arrow_graph: str) -> Transformed:
    return Transformed(arrow_graph)


@pytest.fixture(scope="session")
def by_beam(beam_graph: str) -> Transformed:
    return Transformed(beam_graph)


class Model:
    """What the Trainer made of the columns, asked in both ways."""

    def __init__(self, folder: str) -> None:
        from taxiway.modeling.exported.loaded_model import LoadedModel

        self.loaded = LoadedModel(Path(folder), "serving_default")

    def by_examples(self, raw: Sequence[rows.Row]) -> np.ndarray:
        return self.loaded.predict_examples([rows.example(row) for row in raw])["probability"]

    def by_columns(self, raw: Sequence[rows.Row]) -> np.ndarray:
        """As JSON has them: null for what is missing."""
        columns = {name: [_json(name, row.get(name)) for row in raw] for name in SPEC.inputs()}
        return self.loaded.predict_columns(columns)["probability"]


def _json(name: str, value: Any) -> Any:
    if name in rows.LISTS:
        return list(value) if isinstance(value, list | tuple) else value
    return None if value == () else value


@pytest.fixture(scope="session")
def model(
    arrow_graph: str,
    columns_split: tuple[Any, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Model:
    """Trained by the Trainer's own run_fn."""
    from taxiway.modeling.training.trainer import run_fn

    folder = tmp_path_factory.mktemp("trained")
    run_fn(
        SimpleNamespace(
            custom_config={"module": MODULE, "materialized": False},
            hyperparameters=HYPERPARAMETERS,
            transform_graph_path=arrow_graph,
            train_files=[f"{columns_split[0].uri}/Split-train/*"],
            model_run_dir=str(folder / "run"),
            serving_model_dir=str(folder / "model"),
        )
    )
    return Model(str(folder / "model"))
