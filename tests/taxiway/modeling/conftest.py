"""What the tests of the models share: the parts of the run, its served model, and any raw rows."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from taxiway.config.schema import Config
from taxiway.metadata.records import NodeRecord
from taxiway.metadata.store import run_store
from tests.tiny.features import SPEC

WHOLE_NUMBERS = frozenset({"hour", "truck_age"})
Row = Mapping[str, Any]
"""A raw row; a column that is absent or None has no value, one that is () an empty list of them."""


def as_example(row: Row) -> bytes:
    """The row as the tf.Example that ArrowExampleGen would write."""
    import tensorflow as tf

    example = tf.train.Example()
    for name, value in row.items():
        if value is None:
            continue
        values = [] if value == () else [value]
        if name in SPEC.numbers() - WHOLE_NUMBERS:
            example.features.feature[name].float_list.value.extend(values)
        elif name in WHOLE_NUMBERS | {SPEC.label}:
            example.features.feature[name].int64_list.value.extend(values)
        else:
            encoded = [v.encode() if isinstance(v, str) else v for v in values]
            example.features.feature[name].bytes_list.value.extend(encoded)
    return bytes(example.SerializeToString())


def as_row(example: bytes) -> dict[str, Any]:
    """The row of a tf.Example, without the columns that have no value."""
    import tensorflow as tf

    row = {}
    for name, feature in tf.train.Example.FromString(example).features.feature.items():
        values = getattr(feature, feature.WhichOneof("kind") or "bytes_list").value
        if values:
            row[name] = values[0]
    return row


def is_missing(value: Any) -> bool:
    return value in (None, (), "", b"") or value != value


def joined(blocks: Iterable[Any]) -> Any:
    """Blocks of `Rows` as one."""
    from taxiway.modeling.training.dataset import Rows

    parts = list(blocks)
    columns = {name: np.concatenate([p.columns[name] for p in parts]) for name in parts[0].columns}
    return Rows(columns, np.concatenate([part.labels for part in parts]))


def zero_or_one(label: str = "y") -> Any:
    """The labels of a plain binary task."""
    from taxiway.modeling.spec import Binary
    from taxiway.modeling.tasks import labels_of

    return labels_of(Binary(label), lambda _: [])


def weighted(positive_weight: float) -> Any:
    """The head of a binary task whose positive rows weigh so much."""
    from taxiway.modeling.tasks.binary import BinaryHead

    return BinaryHead(("0", "1"), 0.5, positive_weight)


def rows_of(labels: Sequence[int]) -> Any:
    """Rows whose one column is their own number."""
    from taxiway.modeling.training.dataset import Rows

    return Rows({"row": np.arange(len(labels)).reshape(-1, 1)}, np.array(labels, np.int64))


def numbers(blocks: Any) -> list[int]:
    return [int(number) for rows in blocks for number in rows.columns["row"].reshape(-1)]


@contextmanager
def stored(labels: Sequence[int], *settings: Any, block: int = 0) -> Iterator[Any]:
    """Rows of these labels on disk: read in one block, or in blocks of so many."""
    from taxiway.modeling.training.dataset import store_rows

    rows = rows_of(labels)
    size = block or max(1, len(labels))
    blocks = [rows.take(slice(at, at + size)) for at in range(0, len(labels), size)]
    with tempfile.TemporaryDirectory() as folder:
        yield store_rows(blocks, zero_or_one(), Path(folder), *settings)


@dataclass(frozen=True)
class Trained:
    """The artifacts of the run that the model is made of."""

    config: Config
    nodes: Mapping[str, NodeRecord]

    def folder(self, node: str, key: str) -> Path:
        artifact = self.nodes[node].output(key)
        assert artifact is not None, f"{node} put out no {key}"
        return Path(artifact.uri)

    @property
    def model(self) -> Path:
        return self.folder("Trainer", "model") / "Format-Serving"

    @functools.cached_property
    def transform_output(self) -> Any:
        import tensorflow_transform as tft

        return tft.TFTransformOutput(str(self.folder("Transform", "transform_graph")))

    @functools.cache  # noqa: B019  # one object a session
    def raw(self, split: str) -> list[bytes]:
        """The serialized tf.Examples that went into Transform."""
        import tensorflow as tf

        folder = self.folder("ArrowExampleGen", "examples") / f"Split-{split}"
        files = sorted(str(path) for path in folder.glob("*.gz"))
        found = tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()
        return list(found)

    @functools.cache  # noqa: B019  # one object a session
    def transformed(self, split: str) -> Any:
        """The transformed `Rows`, as the Trainer reads them."""
        import tensorflow as tf

        from taxiway.modeling.training.dataset import find_files, read_rows

        folder = self.folder("ArrowExampleGen", "examples") / f"Split-{split}"
        spec = self.transform_output.raw_feature_spec()
        graph = tf.saved_model.load(self.transform_output.transform_savedmodel_dir)
        labels = zero_or_one(SPEC.label)
        return joined(read_rows(find_files([f"{folder}/*"]), spec, labels, graph.transform_fn))

    def __hash__(self) -> int:
        return id(self)


class Served:
    """The exported SavedModel, asked with raw rows through each of its signatures."""

    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        self.model = tf.saved_model.load(str(folder))

    def by_example(self, rows: Sequence[Row]) -> np.ndarray:
        return self.by_serialized([as_example(row) for row in rows])

    def by_serialized(self, examples: Sequence[bytes]) -> np.ndarray:
        return self._ask("serving_default", examples)["probability"]

    def transform(self, rows: Sequence[Row]) -> dict[str, np.ndarray]:
        return self.transform_serialized([as_example(row) for row in rows])

    def transform_serialized(self, examples: Sequence[bytes]) -> dict[str, np.ndarray]:
        return self._ask("transform_features", examples)

    def by_columns(self, rows: Sequence[Row]) -> np.ndarray:
        import tensorflow as tf

        columns = {}
        for name in SPEC.inputs():
            number = name in SPEC.numbers()
            missing = np.nan if number else b""
            values = [missing if is_missing(row.get(name)) else row[name] for row in rows]
            columns[name] = tf.constant(values, tf.float32 if number else tf.string)
        answer = self.model.signatures["serving_columns"](**columns)
        return np.asarray(answer["probability"].numpy())

    def _ask(self, signature: str, examples: Sequence[bytes]) -> dict[str, np.ndarray]:
        import tensorflow as tf

        answer = self.model.signatures[signature](examples=tf.constant(list(examples), tf.string))
        return {name: np.asarray(tensor.numpy()) for name, tensor in answer.items()}


@pytest.fixture(scope="session")
def trained(first_run: tuple[Any, dict[str, Any]]) -> Trained:
    workspace, report = first_run
    config = workspace.config()
    nodes = run_store(config.metadata).nodes(report["run_id"])
    return Trained(config, {node.node_id: node for node in nodes})


@pytest.fixture(scope="session")
def served(trained: Trained) -> Served:
    return Served(trained.model)


@pytest.fixture(scope="session")
def train_rows(trained: Trained) -> list[dict[str, Any]]:
    """The raw rows of the train split, label included."""
    return [as_row(example) for example in trained.raw("train")]


@pytest.fixture(scope="session")
def eval_rows(trained: Trained) -> list[dict[str, Any]]:
    """The raw rows of the eval split, label included."""
    return [as_row(example) for example in trained.raw("eval")]


@pytest.fixture(scope="session")
def raw_rows() -> st.SearchStrategy[list[Row]]:
    """Lists of rows as no one would send them: gaps, extremes, unseen and broken strings."""
    nothing = st.sampled_from([None, ()])
    whole = st.sampled_from([0, -1, 5, 6, 2**31, 2**63 - 1, -(2**63)]) | st.integers(0, 23)
    largest = float(np.finfo(np.float32).max)
    extremes = [np.nan, np.inf, -np.inf, largest, -largest, 0.0, -0.0, 45.0, 1e-45]
    real = st.sampled_from(extremes) | st.floats(width=32)
    text = st.sampled_from(["", "west", "rail", "Rail", " rail", "Zürich", "東京", "\n"])
    strings = text | st.text(max_size=20).map(lambda word: word.encode("utf-8", "replace"))
    strings |= st.binary(max_size=20)
    columns = {}
    for name in SPEC.inputs():
        number = whole if name in WHOLE_NUMBERS else real
        columns[name] = nothing | (number if name in SPEC.numbers() else strings)
    row = st.fixed_dictionaries({}, optional=columns)
    return st.lists(row, max_size=6)


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """A vocabulary's file."""
    path = tmp_path / "words.txt"
    path.write_text("first\nsecond\nthird\n")
    return path
